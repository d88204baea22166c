/**
 * `npm run demo`: a gateway with its database, a device in a process of its own, and between them a wire in the hands
 * of somebody who changes, repeats and holds back frames. Exits 0 where everything that it claims was seen to happen.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chapter, claim, close, fail, say, title, broken } from './story.mjs';
import { DATA, Wire } from './wire.mjs';

const ID = 'pump-house'; // ten bytes
/** ms in which each thing must happen; the whole takes about 15 s. */
const PATIENCE = 20_000;
/** ms that the wire holds a frame back; the window is 2,000. */
const HOLD = 2_600;

/** @typedef {Record<string, any>} Report */

/** What was said by the device and at the gateway, to be waited for. */
class Journal {
  /** @type {Report[]} */
  #entries = [];
  /** @type {Set<() => void>} */
  #waiting = new Set();
  #read = 0;

  /** @param {Report} entry */
  add(entry) {
    this.#entries.push(entry);
    for (const look of this.#waiting) look();
  }

  /** Looks only at what comes from here on. */
  forget() {
    this.#read = this.#entries.length;
  }

  /** @param {(entry: Report) => unknown} wanted */
  count(wanted) {
    return this.#entries.filter(wanted).length;
  }

  /**
   * The first entry since `forget` that is wanted; undefined where it does not come in time.
   * @param {(entry: Report) => unknown} wanted
   * @returns {Promise<Report | undefined>}
   */
  async find(wanted) {
    const since = this.#read;
    return new Promise((resolve) => {
      const look = () => finish(this.#entries.slice(since).find(wanted), false);
      const timer = setTimeout(() => finish(undefined, true), PATIENCE);
      /** @type {(found: Report | undefined, late: boolean) => void} */
      const finish = (found, late) => {
        if (found === undefined && !late) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** @type {string[]} */
const inboxOrder = [];

const { Gateway, openRegistry } = await load();
const folder = await mkdtemp(path.join(os.tmpdir(), 'tidelock-demo-'));
const journal = new Journal();
/** @type {(() => unknown)[]} */
const cleanup = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];

let ending = false;
async function end() {
  if (ending) return;
  ending = true;
  for (const step of cleanup.reverse()) await step();
}
for (const [signal, code] of /** @type {const} */ ([['SIGINT', 130], ['SIGTERM', 143]])) {
  process.once(signal, () => void end().finally(() => process.exit(code)));
}

process.stdout.on('error', () => void end().finally(() => process.exit(0))); // `npm run demo | head`: the reader has gone

try {
  await run();
} catch (error) {
  if (!ending) fail(describe(error));
} finally {
  await end();
}
if (broken > 0) process.exitCode = 1;

async function run() {
  title('Tidelock: a gateway, a device in a process of its own, and a wire that cannot be trusted');

  chapter('Both prove that they hold the key; it never crosses the wire');
  const registry = await openRegistry(`sqlite:${path.join(folder, 'demo.db')}`);
  cleanup.push(() => registry.close());
  const key = Buffer.from(await registry.add(ID)).toString('hex');
  const gateway = await Gateway.listen({ registry, listen: 'tidelock://127.0.0.1:0' });
  cleanup.push(() => gateway.close({ drain: 500 }));
  say('gateway', `listens at ${gateway.address}`, 'its SQLite database lies in a temporary folder');
  const wire = new Wire(gateway.address);
  await wire.open();
  cleanup.push(() => wire.close());
  gateway.on('refused', ({ reason, device, off }) => {
    say('gateway', `refused: ${reason}`, off > 0 ? `${off} ms off` : (device ?? 'before any proof'));
    journal.add({ refused: reason, off });
  });
  readInbox(gateway).catch((error) => fail(describe(error)));
  const device = startDevice();
  device.send({ start: { url: wire.url, id: ID, key } });
  const online = await journal.find(({ state }) => state === 'online');
  claim(online !== undefined, `a session stands: both sides are genuine, every frame is ${online?.['suite'] ?? '?'}`);
  claim(wire.handshake === 142, `${wire.handshake} bytes set it up, and the device may send after one round trip`);

  chapter('Readings go up; each is acknowledged once it is on the disk');
  for (const reading of ['21.4 °C', '21.5 °C', '21.7 °C']) await sendReading(device, reading);
  claim(journal.count(({ acknowledged }) => acknowledged) === 3, 'three readings acknowledged, in order, after their commit');

  chapter('Commands come down; the sender learns what became of them');
  for (const command of ['valve open', 'pump on']) {
    journal.forget();
    say('gateway', `→ ${command}`);
    const sending = gateway.send(ID, command);
    const delivered = await within(sending.acknowledged);
    const obeyed = await journal.find((entry) => entry['command'] === command);
    claim(delivered && obeyed !== undefined, `"${command}" was obeyed, and the gateway knows it`);
  }

  chapter('One bit of a frame is changed on the way');
  journal.forget();
  void wire.next('up', DATA, ({ bytes }) => {
    say('wire', 'flips one bit of the next reading');
    const changed = Buffer.from(bytes);
    changed[changed.length - 20] ^= 1; // in the body, in front of the 16-byte tag
    return [changed];
  });
  await expectRefusal(device, '21.9 °C', 'bad tag', 'the changed frame was refused, and its stream ended');

  chapter('A frame is repeated');
  journal.forget();
  void wire.next('up', DATA, ({ bytes }) => {
    say('wire', 'passes a reading on twice');
    return [bytes, bytes];
  });
  // The counter is not sent, but the tag covers it: the copy is checked against the next counter and cannot hold.
  await expectRefusal(device, '22.0 °C', 'bad tag', 'the copy was refused: its tag is for a counter that is past');

  chapter('A whole session is recorded and played again');
  journal.forget();
  say('wire', `connects, and plays the ${wire.recorded.length} bytes of the first session`);
  await play(gateway.address, wire.recorded);
  claim((await journal.find(({ refused }) => refused === 'bad proof')) !== undefined, 'the old proof opened nothing: every session has a challenge of its own');

  chapter(`A frame is held back for ${HOLD} ms`);
  journal.forget();
  void wire.next('up', DATA, async ({ bytes }) => {
    say('wire', `holds the next reading for ${HOLD} ms`, 'the window is 2,000 ms');
    await sleep(HOLD);
    return [bytes];
  });
  await expectRefusal(device, '22.3 °C', 'stale', 'the late frame was refused, though its tag is right');

  chapter('What the application has');
  const readings = ['21.4 °C', '21.5 °C', '21.7 °C', '21.9 °C', '22.0 °C', '22.3 °C'];
  await journal.find(({ inbox }) => inbox === readings.at(-1));
  const came = inboxOrder.join(', ');
  say('inbox', came);
  claim(came === readings.join(', '), 'every reading once and in order, whatever happened on the wire');

  device.send({ stop: true });
  await within(once(device, 'exit'));
  const seconds = ((performance.now()) / 1000).toFixed(0);
  if (broken === 0) close(`Everything held, in ${seconds} s. Next: README.md, or npx tidelock --help`);
  else close(`${broken} of the claims did not hold.`);
}

/** @param {import('tidelock/gateway').Gateway} gateway */
async function readInbox(gateway) {
  for await (const message of gateway.messages()) {
    say('gateway', `← ${message.text()}`, message.id);
    inboxOrder.push(message.text());
    journal.add({ inbox: message.text() });
    await message.done();
  }
}

/** @returns {import('node:child_process').ChildProcess} */
function startDevice() {
  const device = fork(new URL('./device.mjs', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  cleanup.push(async () => {
    if (device.exitCode !== null || device.signalCode !== null) return;
    const gone = once(device, 'exit');
    device.kill('SIGKILL');
    await gone;
  });
  device.on('message', (/** @type {Report} */ report) => {
    if (report['state'] === 'online') say('device', 'is online', report['suite']);
    if (report['state'] === 'waiting') say('device', `comes back in ${(report['wait'] / 1000).toFixed(1)} s`, report['reason']);
    if (report['command']) say('device', `obeys: ${report['command']}`);
    if (report['acknowledged']) say('device', `has the acknowledgement of ${report['acknowledged']}`, `after ${report['ms'].toFixed(0)} ms`);
    if (report['error']) say('device', report['error']);
    journal.add(report);
  });
  device.on('exit', (code) => journal.add({ exited: code }));
  return device;
}

/**
 * @param {import('node:child_process').ChildProcess} device
 * @param {string} reading
 */
async function sendReading(device, reading) {
  say('device', `→ ${reading}`);
  device.send({ send: reading });
  return journal.find(({ acknowledged }) => acknowledged === reading);
}

/**
 * A reading that is refused at first for `reason`, and arrives in the end.
 * @param {import('node:child_process').ChildProcess} device
 * @param {string} reading
 * @param {string} reason
 * @param {string} text
 */
async function expectRefusal(device, reading, reason, text) {
  const arrived = sendReading(device, reading);
  const refused = await journal.find((entry) => entry['refused'] === reason);
  claim(refused !== undefined, text);
  const acknowledged = await arrived;
  const online = await journal.find(({ state }) => state === 'online' || reason === 'stale');
  claim(acknowledged !== undefined && online !== undefined, reason === 'stale' ? 'sent again with the time of now it passed, in the same session' : 'the device came back by itself, and nothing was lost');
}

/**
 * Plays bytes to the gateway as a stranger would, until it hangs up.
 * @param {string} url
 * @param {Buffer} bytes
 */
async function play(url, bytes) {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.resume().write(bytes);
  await within(once(socket, 'close'));
  socket.destroy();
}

/**
 * True where it is fulfilled in time.
 * @param {Promise<unknown>} promise
 */
async function within(promise) {
  const timer = new AbortController();
  const late = sleep(PATIENCE, false, { signal: timer.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => true, () => false), late]);
  } finally {
    timer.abort();
  }
}

async function load() {
  try {
    const [{ Gateway }, { openRegistry }] = await Promise.all([import('tidelock/gateway'), import('tidelock/registry')]);
    return { Gateway, openRegistry };
  } catch (error) {
    const missing = /** @type {NodeJS.ErrnoException} */ (error).code === 'ERR_MODULE_NOT_FOUND';
    console.error(missing ? 'The package is not built here. Run `npm ci`, or `npm run build`, and then `npm run demo` again.' : describe(error));
    process.exit(1);
  }
}

/** @param {unknown} error */
function describe(error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  return code === undefined ? `The demo failed: ${message}` : `${code}: ${message}`;
}
