/** `tidelock dead-letters`: messages that the broker would not take, and trying them again. */
import { TidelockError } from '../errors.js';
import type { BridgeStore, DeadLetter } from '../registry/types.js';
import { reach } from './access.js';
import type { ListedLetter } from './control/protocol.js';
import { escapeText } from './escape.js';
import { EXIT_FAILED, EXIT_OK } from './exits.js';
import { messageFields } from './message-line.js';
import type { Output } from './output.js';
import { showPayload } from './payload.js';
import type { Settings } from './setting-types.js';
import { table } from './table.js';

/** Rows read at a time; characters of a payload in the table. */
const PAGE = 100;
const SHOWN = 40;

/** Every one, a page at a time. */
export async function* allLetters(store: Pick<BridgeStore, 'deadLetters'>): AsyncGenerator<DeadLetter> {
  for (let after = 0; ; ) {
    const page = await store.deadLetters({ after, limit: PAGE });
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1)!.position;
  }
}

export function listedLetter({ position, message, identity, topic, time, at, reason, body }: DeadLetter): ListedLetter {
  return { position, message, identity, time, at, reason, body: body.toString('base64'), ...(topic === '' || topic === undefined ? {} : { topic }) };
}

/** Numbers as `dead-letters list` shows them, or `all`. Throws INPUT_INVALID. */
export function readNumbers(words: readonly string[]): number[] | 'all' {
  if (words.length === 1 && words[0] === 'all') return 'all';
  return words.map((word) => {
    if (/^\d{1,15}$/.test(word)) return Number(word);
    throw new TidelockError('INPUT_INVALID', { what: escapeText(word), problem: 'is no number of a dead letter', remedy: 'Take numbers from `tidelock dead-letters list`, or write `all`.' });
  });
}

export async function listLetters(settings: Settings, output: Output): Promise<void> {
  const rows: ListedLetter[] = [];
  const written: Promise<void>[] = [];
  const take = (row: ListedLetter): void => {
    if (settings.json) written.push(output.json(forPrograms(row)));
    else rows.push(row);
  };
  await reach<void>(settings, false, {
    gateway: async (client) => void (await client.call('dead-letters.list', {}, take)),
    database: async (registry) => {
      for await (const letter of allLetters(registry.bridge)) take(listedLetter(letter));
    },
  });
  await Promise.all(written);
  if (settings.json) return;
  if (rows.length === 0) process.stderr.write('tidelock: no dead letters: the broker took all that was sent.\n');
  const cells = rows.map(({ position, identity, topic, at, reason, body }) => {
    const { text } = showPayload(Buffer.from(body, 'base64'));
    const [device, under, why] = [identity, topic ?? '-', reason].map(escapeText) as [string, string, string];
    return [String(position), device, under, new Date(at).toISOString(), why, text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text];
  });
  for (const line of table(['NUMBER', 'DEVICE', 'TOPIC', 'SINCE', 'REASON', 'PAYLOAD'], cells)) await output.line(line);
}

/** 1 where there was nothing to retry. */
export async function retryLetters(settings: Settings, words: readonly string[], output: Output): Promise<number> {
  const positions = readNumbers(words);
  const { count } = await reach(settings, false, {
    gateway: (client) => client.call('dead-letters.retry', { positions }),
    database: async (registry) => ({ count: await registry.bridge.retry(positions) }),
  });
  if (settings.json) await output.json({ retried: count });
  else await output.line(count === 0 ? 'there is no such dead letter' : `${count} on the way to the broker again`);
  return count === 0 && positions !== 'all' ? EXIT_FAILED : EXIT_OK;
}

function forPrograms({ position, message, identity, time, at, reason, topic, body }: ListedLetter): object {
  return { position, ...messageFields({ device: identity, id: message, time, body: Buffer.from(body, 'base64'), repeat: false, topic }), at: new Date(at).toISOString(), reason };
}
