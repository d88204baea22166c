/** A device of the demo, a process of its own: it publishes numbered readings, obeys numbered commands, and counts both. */
import { Device } from 'tidelock/device';

process.once('message', (/** @type {{ url: string, id: string, key: string, every: number }} */ { url, id, key, every }) => {
  // The lifetime is longer than any cut; what is not acknowledged by then would be told as an error.
  const device = new Device({ url, id, key: Buffer.from(key, 'hex'), lifetime: 600_000 });
  const count = { sent: 0, acknowledged: 0, failed: 0, obeyed: /** @type {number[]} */ ([]), state: 'stopped' };
  device.on('state', ({ name }) => void (count.state = name));
  device.on('message', (message) => void count.obeyed.push(Number(message.text())));
  device.on('error', () => undefined);
  const timer = setInterval(() => {
    count.sent += 1;
    device.publish('level', `${count.sent}`).acknowledged.then(() => void (count.acknowledged += 1), () => void (count.failed += 1));
  }, every);
  const told = setInterval(() => process.send?.(count, undefined, {}, () => undefined), 100);
  process.on('message', async (order) => {
    if (order === 'quiet') clearInterval(timer);
    if (order !== 'stop') return;
    clearInterval(timer);
    clearInterval(told);
    await device.close();
    process.send?.(count, undefined, {}, () => process.disconnect());
  });
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
