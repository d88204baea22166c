/** Run under a trace of system calls: says on stdout, by a write of its own, when each promise was fulfilled. */
import { writeSync } from 'node:fs';
import { openRegistry } from 'tidelock/registry';

const [url = '', thread, shared] = process.argv.slice(2);
const registry = await openRegistry(url, { thread: thread === 'thread', shared: shared === 'shared' });
const say = (what: string): void => void writeSync(1, `PROMISED ${what}\n`);

await registry.add('a');
say('add');
const { lease } = (await registry.takeover('a', 1))!;
say('takeover');
for (let id = 1; id <= 20; id++) {
  await registry.commit([{ lease, id, time: 0, repeat: false, body: Buffer.alloc(100, id) }]);
  say(`commit ${id}`);
}
await Promise.all(Array.from({ length: 300 }, (_, i) => registry.commit([{ lease, id: 21 + i, time: 0, repeat: false, body: Buffer.alloc(1_000) }])));
say('commit of 300');
await registry.enqueue('a', 'open');
say('enqueue');
await registry.take(lease, 1, 1);
say('take');
await registry.delivered(lease, 1);
say('delivered');
await registry.take(lease, 2, 1);
say('take of a command');
await registry.renew(lease, 2);
say('renew');
await registry.done([1, 2, 3]);
say('done');
await registry.disable('a');
say('disable');
await registry.close();
