/**
 * The devices of kill.test.ts: one process that outlives every gateway, so that outboxes and records live on in RAM.
 * Told `more N`, each device sends N further messages. It says `acked DEVICE N`, `obeyed DEVICE BODY`, `online COUNT` at
 * every change, and `sent` once all messages of one `more` are acknowledged. It ends when stdin does.
 */
import { createInterface } from 'node:readline';
import { Device } from 'tidelock/device';
import { LeapingClock } from '../faults/programs/leaping-clock.mjs';
import { deviceKey, deviceName, messageText } from './kill-load.js';

const [url = '', count] = process.argv.slice(2);
/** Messages of one device that wait at a time, so that its load goes over many commits of the gateway. */
const AT_ONCE = 3;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
let online = 0;
let sessions = 0;

class Pump {
  readonly device: Device;
  readonly #index: number;
  #next = 0;
  #online = false;

  constructor(index: number) {
    this.#index = index;
    const id = deviceName(index);
    const clock = new LeapingClock();
    this.device = new Device({ url, id, key: deviceKey(index), lifetime: Infinity, clock });
    this.device.on('state', (state) => {
      const { name } = state;
      clock.hurry(state);
      if ((name === 'online') === this.#online) return;
      this.#online = !this.#online;
      online += this.#online ? 1 : -1;
      if (this.#online) sessions += 1;
      say(`online ${online} ${sessions}`);
    });
    this.device.on('message', (message) => say(`obeyed ${id} ${message.text()}`));
  }

  async send(messages: number): Promise<void> {
    const waiting: Promise<void>[] = [];
    for (let i = 0; i < messages; i++) {
      if (waiting.length === AT_ONCE) await waiting.shift();
      const n = this.#next++;
      waiting.push(this.device.send(messageText(this.#index, n)).acknowledged.then(() => say(`acked ${this.device.id} ${n}`)));
    }
    await Promise.all(waiting);
  }
}

const pumps = Array.from({ length: Number(count) }, (_, i) => new Pump(i));
/** One `more` after the other, so that a device's messages are queued in order of their numbers. */
let sending = Promise.resolve<unknown>(undefined);
for await (const line of createInterface({ input: process.stdin })) {
  const messages = Number(line.split(' ')[1]);
  sending = sending.then(() => Promise.all(pumps.map((pump) => pump.send(messages)))).then(() => say('sent'));
}
await Promise.all(pumps.map(({ device }) => device.close({ drain: 0 })));
