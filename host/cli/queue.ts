/** `tidelock queue`: what waits for devices, and taking it out again. */
import { TidelockError } from '../errors.js';
import type { Registry, Waiting } from '../registry/types.js';
import { reach } from './access.js';
import type { Cancelled } from './control/protocol.js';
import { showDuration } from './duration.js';
import { escapeText } from './escape.js';
import { EXIT_FAILED, EXIT_OK } from './exits.js';
import { checkKnown } from './known.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';
import { table } from './table.js';

/** Every message that waits, a page at a time. Throws DEVICE_UNKNOWN. */
export async function* allWaiting(registry: Pick<Registry, 'waiting' | 'protocol'>, identity: string | undefined): AsyncGenerator<Waiting> {
  checkKnown(registry, identity);
  const of = identity === undefined ? {} : { identity };
  for (let after: string | undefined; ; ) {
    const page = await registry.waiting(after === undefined ? of : { ...of, after });
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1)!.message;
  }
}

/** One by its name, or all of a device. What was sent is too late: its end is the device's to tell. */
export async function cancel(registry: Pick<Registry, 'waiting' | 'cancel' | 'protocol'>, { message, identity }: { message?: string | undefined; identity?: string | undefined }): Promise<Cancelled> {
  const count: Cancelled = { cancelled: 0, sent: 0, unknown: 0 };
  if (message !== undefined) count[await registry.cancel(message)] += 1;
  else if (identity !== undefined) for await (const entry of allWaiting(registry, identity)) count[await registry.cancel(entry.message)] += 1;
  return count;
}

export async function listQueue(settings: Settings, identity: string | undefined, output: Output): Promise<void> {
  const rows: Waiting[] = [];
  const lines: Promise<void>[] = [];
  const take = (row: Waiting): void => {
    if (settings.json) lines.push(output.json(forPrograms(row)));
    else rows.push(row);
  };
  await reach<void>(settings, false, {
    gateway: async (client) => void (await client.call('queue.list', identity === undefined ? {} : { identity }, take)),
    database: async (registry) => {
      for await (const row of allWaiting(registry, identity)) take(row);
    },
  });
  await Promise.all(lines);
  if (settings.json) return;
  if (rows.length === 0) process.stderr.write(`tidelock: nothing waits${identity === undefined ? '' : ` for ${escapeText(identity)}`}.\n`);
  const now = Date.now();
  const cells = rows.map((row) => [
    escapeText(row.message), row.sent ? 'sent' : 'waits', String(row.bytes), instant(row.made), left(row.deadline - now), escapeText(row.topic ?? '-'),
  ]);
  for (const line of table(['MESSAGE', 'STATE', 'BYTES', 'QUEUED', 'ENDS', 'TOPIC'], cells)) await output.line(line);
}

/** 1 where nothing was cancelled. Throws DEVICE_UNKNOWN for a message of another device than the one that was named. */
export async function cancelQueue(settings: Settings, identity: string, message: string | undefined, output: Output): Promise<number> {
  const name = escapeText(identity);
  if (message !== undefined && message.slice(0, message.lastIndexOf('#')) !== identity) {
    const problem = `is not the name of a message for ${name}`;
    throw new TidelockError('INPUT_INVALID', { what: escapeText(message), problem, remedy: `Take one from \`tidelock queue list ${name}\`.` });
  }
  const which = message === undefined ? { identity } : { message };
  const { cancelled, sent, unknown } = await reach(settings, false, {
    gateway: (client) => client.call('queue.cancel', which),
    database: (registry) => cancel(registry, which),
  });
  if (settings.json) await output.json({ cancelled, sent, unknown });
  else {
    const late = sent === 0 ? '' : `; ${messages(sent)} ${sent === 1 ? 'was sent already: its end is' : 'were sent already: their ends are'} the device's to tell`;
    await output.line(unknown > 0 ? `nothing of that name waits for ${name}` : `cancelled ${messages(cancelled)} for ${name}${late}`);
  }
  return cancelled === 0 && (sent > 0 || unknown > 0) ? EXIT_FAILED : EXIT_OK;
}

function messages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}

function forPrograms({ made, deadline, ...rest }: Waiting): object {
  return { ...rest, made: instant(made), deadline: instant(deadline) };
}

function instant(unix: number): string {
  return new Date(unix).toISOString();
}

function left(ms: number): string {
  return ms <= 0 ? 'now' : `in ${showDuration(ms)}`;
}
