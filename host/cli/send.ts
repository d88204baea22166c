/** `tidelock send`: a message for a device, by way of the running gateway or of the queue in the database. */
import { TidelockError } from '../errors.js';
import { LARGEST_ACKNOWLEDGED as LARGEST_BODY, checkTopic } from '../options.js';
import { reach } from './access.js';
import { escapeText } from './escape.js';
import { EXIT_NOT_DELIVERED, EXIT_OK } from './exits.js';
import { tell } from './failure.js';
import type { Output } from './output.js';
import { controlPath } from './place.js';
import type { Settings } from './setting-types.js';

export interface SendRequest {
  identity: string;
  /** The message; `-`: read from stdin. */
  text: string;
  wait: boolean;
  /** Under which it goes; undefined: under none. */
  topic: string | undefined;
  /** ms */
  lifetime: number | undefined;
}

/** Returns the exit code. Throws the end of the message where it was waited for: EXPIRED, REFUSED, IN_DOUBT … */
export async function send(settings: Settings, { identity, text, wait, lifetime, topic }: SendRequest, output: Output): Promise<number> {
  const body = text === '-' ? await readInput() : Buffer.from(text);
  if (body.length > LARGEST_BODY) throw new TidelockError('TOO_LONG', { bytes: body.length, largest: LARGEST_BODY });
  const limit = { ...(lifetime === undefined ? {} : { lifetime }), ...(topic === undefined ? {} : { topic: checkTopic(topic) }) };
  const name = escapeText(identity);
  return reach(settings, false, {
    gateway: async (client) => {
      let told: Promise<void> = Promise.resolve();
      const { message } = await client.call('send', { identity, body: body.toString('base64'), wait, ...limit }, (queued) => {
        if (settings.json) told = output.json({ state: 'queued', message: queued.message, online: queued.online });
        else if (!wait) told = output.line(`queued for ${name}${queued.online ? '' : ', which is not connected now'}`);
        else if (!queued.online) process.stderr.write(`tidelock: queued; ${name} is not connected now, waiting for it\n`);
      });
      await told;
      if (message === '') {
        await (settings.json ? output.json({ state: 'posted' }) : output.line(`pushed to ${name}, which speaks IoTSocket and acknowledges nothing`));
        return EXIT_OK;
      }
      if (!wait) return EXIT_OK;
      await (settings.json ? output.json({ state: 'delivered', message }) : output.line(`${name} has acknowledged it`));
      return EXIT_OK;
    },
    database: async (registry) => {
      if (registry.protocol(identity) === 'iotsocket') throw new TidelockError('NO_ACKNOWLEDGEMENT', { identity: name });
      const { message } = await registry.enqueue(identity, body, limit);
      if (settings.json) await output.json({ state: 'queued', message, gateway: false });
      else await output.line(`queued for ${name}; no gateway runs now, it goes out once one does`);
      if (!wait) return EXIT_OK;
      tell(new TidelockError('GATEWAY_NOT_RUNNING', { socket: controlPath(settings) ?? registry.url }), { json: settings.json, debug: false });
      return EXIT_NOT_DELIVERED;
    },
  });
}

/** All of stdin, up to what a message may have. */
async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > LARGEST_BODY) throw new TidelockError('TOO_LONG', { bytes: `more than ${LARGEST_BODY}`, largest: LARGEST_BODY });
  }
  return Buffer.concat(chunks);
}

