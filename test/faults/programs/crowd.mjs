/**
 * A crowd of a user's devices: node crowd.mjs OPTIONS, with OPTIONS as JSON: `url`, `devices` (a list of [id, key in hexadecimal]),
 * `flight` (readings of each that wait for their acknowledgement at a time). Told `more COUNT` each device sends so many readings more, whose bodies
 * are their numbers. It says `told NUMBER DEVICE CODE` for the end of each, with `ok` where it was acknowledged; `obeyed DEVICE BODY` for a command,
 * before it is acknowledged; `online` once all have a session. It ends when stdin does.
 */
import { createInterface } from 'node:readline';
import { Device } from 'tidelock/device';
import { LeapingClock } from './leaping-clock.mjs';

const { url, devices, flight } = JSON.parse(process.argv[2] ?? '{}');

// One write for many lines: a line each would cost more than the devices do.
/** @type {string[]} */
let lines = [];
const say = (/** @type {string} */ line) => {
  if (lines.push(line) === 1) {
    setImmediate(() => {
      process.stdout.write(`${lines.join('\n')}\n`);
      lines = [];
    });
  }
};

class Sender {
  #device;
  #index;
  #next = 0;
  #wanted = 0;
  #under = 0;

  /** @param {number} index @param {string} id @param {string} key */
  constructor(index, id, key) {
    const clock = new LeapingClock();
    this.#index = index;
    this.#device = new Device({ url, id, key: Buffer.from(key, 'hex'), lifetime: Infinity, connectTimeout: 3_000, clock });
    this.#device.on('error', (error) => say(`error ${error.message}`));
    this.#device.on('message', (message) => say(`obeyed ${index} ${message.text()}`));
    this.#device.on('state', (state) => clock.hurry(state));
  }

  online() {
    return this.#device.online();
  }

  /** @param {number} count */
  more(count) {
    this.#wanted += count;
    this.#fill();
  }

  #fill() {
    while (this.#under < flight && this.#next < this.#wanted) {
      const number = this.#next++;
      this.#under += 1;
      this.#device.send(String(number)).acknowledged.then(() => this.#told(number, 'ok'), (error) => this.#told(number, error.code));
    }
  }

  /** @param {number} number @param {string} code */
  #told(number, code) {
    this.#under -= 1;
    say(`told ${number} ${this.#index} ${code}`);
    this.#fill();
  }

  close() {
    return this.#device.close({ drain: 0 });
  }
}

const senders = devices.map((/** @type {[string, string]} */ [id, key], /** @type {number} */ index) => new Sender(index, id, key));
await Promise.all(senders.map((/** @type {Sender} */ sender) => sender.online()));
say('online');
for await (const line of createInterface({ input: process.stdin })) {
  const [word, count] = line.split(' ');
  if (word === 'more') for (const sender of senders) sender.more(Number(count));
}
await Promise.all(senders.map((/** @type {Sender} */ sender) => sender.close()));
process.exit(0);
