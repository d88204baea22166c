/**
 * A gateway's load on a registry, until it is killed. Each line on stdout is a promise that was fulfilled:
 * A device number (acknowledged), Q name (queued), S name (handed out to be sent), D name (delivered), R name (read by the application).
 */
import { writeSync } from 'node:fs';
import { openRegistry } from 'tidelock/registry';

const [url = '', thread, devices = '1'] = process.argv.slice(2);
const registry = await openRegistry(url, { thread: thread === 'thread', limits: { inboxRows: 400, queueMessagesPerDevice: 20 } });
const say = (line: string): void => void writeSync(1, `${line}\n`);

async function device(identity: string): Promise<void> {
  if (registry.find(identity, 0) === undefined) await registry.add(identity);
  const { lease, receipts } = (await registry.takeover(identity, 7))!;
  // It sends again what may not have been acknowledged.
  let next = Math.max(1, receipts.inLast - 2);
  await Promise.all([up(), down()]);

  async function up(): Promise<never> {
    for (;;) {
      const count = 1 + (next % 5);
      const messages = Array.from({ length: count }, (_, i) => ({
        lease, id: next + i, time: next + i, repeat: false,
        body: (next + i) % 7 === 0 ? undefined : Buffer.from(`${identity}:${next + i} `.repeat(1 + ((next + i) % 40))),
      }));
      const verdicts = await registry.commit(messages);
      const taken = verdicts.findIndex((verdict) => verdict !== 'durable');
      next += taken === -1 ? count : taken;
      say(`A ${identity} ${next - 1}`);
      if (taken !== -1) await new Promise(setImmediate); // full: the application reads meanwhile
    }
  }

  /** Lifetimes are of no matter here: on a slow machine the kills may take longer than the usual one. */
  async function down(): Promise<never> {
    for (let low = receipts.outLow; ; ) {
      const queued = await registry.enqueue(identity, `command for ${identity}`, { lifetime: 604_800_000 }).catch(() => undefined);
      if (queued !== undefined) say(`Q ${queued.message}`);
      const out = (await registry.take(lease, low, 1 + (low % 3)))!;
      for (const { message } of out) if (message !== '') say(`S ${message}`);
      if (out.length === 0 || low % 4 === 3 && out.length === 1 && queued !== undefined) continue;
      low = out.at(-1)!.id + 1;
      await registry.delivered(lease, low - 1);
      for (const { message } of out) if (message !== '') say(`D ${message}`);
    }
  }
}

async function application(): Promise<never> {
  for (;;) {
    const rows = await registry.read({ limit: 50 });
    for (const { message } of rows) say(`R ${message}`);
    await registry.done(rows.map(({ position }) => position));
    if (rows.length === 0) await new Promise(setImmediate);
  }
}

await Promise.all([application(), ...Array.from({ length: Number(devices) }, (_, i) => device(`device-${i}`))]);
