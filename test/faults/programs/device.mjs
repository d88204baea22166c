/**
 * A user's device: node device.mjs OPTIONS, the options of Device as JSON with the key in hexadecimal. Told `send BODY` it
 * says `told acknowledged BODY`, or an error's code in place of the second word; it says `obeyed BODY`, and `online COUNT`
 * at each new session. It ends when stdin does.
 */
import { createInterface } from 'node:readline';
import { Device } from 'tidelock/device';
import { LeapingClock } from './leaping-clock.mjs';

const { key, ...options } = JSON.parse(process.argv[2] ?? '{}');
const say = (/** @type {string} */ line) => void process.stdout.write(`${line}\n`);

const clock = new LeapingClock();
const device = new Device({ lifetime: Infinity, ...options, key: Buffer.from(key, 'hex'), clock });
let sessions = 0;
device.on('error', (error) => say(`error ${error.message}`));
device.on('message', (message) => say(`obeyed ${message.text()}`));
device.on('state', (state) => {
  if (state.name === 'online') say(`online ${++sessions}`);
  clock.hurry(state);
});

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.startsWith('send ')) continue;
  const body = line.slice('send '.length);
  device.send(body).acknowledged.then(() => say(`told acknowledged ${body}`), (error) => say(`told ${error.code} ${body}`));
}
await device.close({ drain: 0 });
