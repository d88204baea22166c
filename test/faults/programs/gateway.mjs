/**
 * A user's gateway: node gateway.mjs DATABASE OPTIONS, the options of Gateway.listen as JSON. It says `listening PORT`.
 * Told `queue BODY` it queues a command for pump-7, and says `queued NAME BODY` once it stands in the queue. Told `finish`
 * it waits until no command is left, closes and ends.
 */
import { createInterface } from 'node:readline';
import { Gateway } from 'tidelock/gateway';
import { openRegistry } from 'tidelock/registry';

const [url = '', options = '{}'] = process.argv.slice(2);
const say = (/** @type {string} */ line) => void process.stdout.write(`${line}\n`);

const registry = await openRegistry(url);
const gateway = await Gateway.listen({ registry, ...JSON.parse(options) });
gateway.on('error', (error) => say(`error ${error.message}`));
say(`listening ${new URL(gateway.address).port}`);

const finish = async () => {
  while ((await registry.waiting({ limit: 1 })).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await gateway.close();
  await registry.close();
  process.exit(0);
};

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'finish') void finish();
  else if (line.startsWith('queue ')) {
    const body = line.slice('queue '.length);
    const sending = gateway.send('pump-7', body, { lifetime: 3_600_000 });
    sending.queued.then((name) => say(`queued ${name} ${body}`), (error) => say(`error ${error.message}`));
    sending.acknowledged.catch(() => undefined); // the database tells its end
  }
}
