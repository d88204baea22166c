/** `tidelock watch`: messages as they pass the running gateway, until it is stopped. */
import { TidelockError } from '../errors.js';
import { ControlClient } from './control/client.js';
import type { Watched } from './control/protocol.js';
import { escapeText, safeJson } from './escape.js';
import { EXIT_OK } from './exits.js';
import { messageFields } from './message-line.js';
import { OutputClosed, type Output } from './output.js';
import { showPayload } from './payload.js';
import { controlPath } from './place.js';
import type { Settings } from './setting-types.js';
import { onStop } from './stop.js';

/** Lines that may wait for stdout here; beyond it they are dropped too, and counted. */
const MOST_WAITING = 1_024;

/** Returns the exit code once it is stopped, or the reader of stdout has gone. Throws GATEWAY_NOT_RUNNING. */
export async function watch(settings: Settings, pattern: string | undefined, output: Output): Promise<number> {
  const path = controlPath(settings);
  const client = path === undefined ? undefined : await ControlClient.connect(path);
  if (client === undefined) throw new TidelockError('GATEWAY_NOT_RUNNING', { socket: path ?? 'a database in memory' });
  let stopped = false;
  let failure: Error | undefined;
  const stop = (): void => {
    stopped = true;
    client.close();
  };
  output.onFailure((error) => {
    failure = error;
    stop();
  });
  onStop(stop);
  let waiting = 0;
  let dropped = 0;
  const print = (text: string): void => {
    waiting += 1;
    output.line(text).then(() => void (waiting -= 1), () => undefined);
  };
  try {
    await client.call('watch', pattern === undefined ? {} : { pattern }, (message) => {
      if (!isMessage(message)) {
        process.stderr.write(`tidelock: watching ${pattern === undefined ? 'everything' : escapeText(pattern)}; Ctrl-C ends it\n`);
        return;
      }
      dropped += message.dropped ?? 0;
      if (waiting >= MOST_WAITING) {
        dropped += 1;
        return;
      }
      if (dropped > 0) process.stderr.write(`tidelock: ${dropped} passed unseen: more than can be shown\n`);
      print(settings.json ? jsonOf(message, dropped) : lineOf(message));
      dropped = 0;
    });
  } catch (error) {
    if (!stopped) throw error;
  } finally {
    client.close();
  }
  if (failure !== undefined && !(failure instanceof OutputClosed)) throw failure;
  return EXIT_OK;
}

function isMessage(event: Watched | Record<string, never>): event is Watched {
  return 'direction' in event;
}

function lineOf({ direction, device, time, topic, body, repeat, trust, id }: Watched): string {
  const { kind, text } = showPayload(Buffer.from(body, 'base64'));
  const notes = [id === undefined && 'no ack', repeat && 'repeat', trust !== 'proved' && `trust ${trust}`].filter(Boolean).join(', ');
  return [
    new Date(time).toISOString().slice(11, 23), direction === 'up' ? '↑' : '↓', escapeText(device), escapeText(topic ?? '-'), kind, text, ...(notes === '' ? [] : [`(${notes})`]),
  ].join('\t');
}

function jsonOf({ direction, body, id = '', ...message }: Watched, dropped: number): string {
  const bytes = Buffer.from(body, 'base64'), { kind, text } = showPayload(bytes);
  return safeJson({ direction, ...messageFields({ ...message, id, body: bytes }), kind, ...(kind === 'cbor' ? { cbor: text } : {}), ...(dropped === 0 ? {} : { dropped }) });
}
