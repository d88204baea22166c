/**
 * The gateway of kill.test.ts. Told `queue DEVICE BODY` it queues a command, and says `queued BODY NAME` once it stands
 * in the queue. Told `finish` it waits until no command is left, closes and ends.
 */
import { createInterface } from 'node:readline';
import { Gateway } from 'tidelock/gateway';
import { openRegistry } from 'tidelock/registry';

const [url = '', listen = ''] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const registry = await openRegistry(url);
const gateway = await Gateway.listen({
  registry,
  listen,
  window: 60_000, // how fast the machine is must not matter
  limits: { helloRate: 10_000, helloBurst: 100_000, helloRateTotal: 10_000, helloBurstTotal: 100_000 },
});
gateway.on('error', (error) => say(`error ${error.message}`));
registry.on('ended', ({ message, end }) => say(`ended ${message} ${end}`));
say('listening');

const queue = (device: string, body: string): void => {
  const sending = gateway.send(device, body, { lifetime: 3_600_000 });
  sending.queued.then((name) => say(`queued ${body} ${name}`), (error: Error) => say(`error ${error.message}`));
  sending.acknowledged.catch(() => undefined); // what became of it is told by `ended`
};

const finish = async (): Promise<void> => {
  while ((await registry.waiting({ limit: 1 })).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await gateway.close();
  await registry.close();
  process.exit(0);
};

for await (const line of createInterface({ input: process.stdin })) {
  const [word = '', device = '', body = ''] = line.split(' ');
  if (word === 'queue') queue(device, body);
  else if (word === 'finish') void finish();
}
