/**
 * `npm run demo:mqtt [-- --broker mqtt://HOST]`: readings of three devices go through a gateway to an MQTT broker, commands come
 * back, while the broker, a device and the gateway are cut off in turn. Without --broker one runs in this process (aedes). User
 * and password of a broker come from TIDELOCK_MQTT_USER and TIDELOCK_MQTT_PASSWORD. Exits 0 where the counts are right.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { chapter, claim, close, fail, say, title, broken } from '../story.mjs';
import { brokerOf, connect, startBroker, tidy, Told } from './broker.mjs';
import { Relay } from './relay.mjs';

const DEVICES = ['pump-1', 'pump-2', 'pump-3'];
/** ms between readings of a device, between commands, of a cut, in which all must have arrived at the end, and in which the gateway must be ready. */
const READING = 20, COMMAND = 50, CUT = 1_500, PATIENCE = 90_000, START = 20_000;
/** A first level of topics of its own: at a broker that is in use nobody else's messages are seen. */
const PREFIX = `tl-demo-${randomBytes(4).toString('hex')}`;

/** @type {(() => unknown)[]} */
const cleanup = [];
/** By Ctrl-C, or at its end: nothing more begins. */
let ending = false;

/** @returns {Promise<never>} */
const never = () => new Promise(() => undefined);

async function sleep(/** @type {number} */ ms) {
  await pause(ms);
  if (ending) await never();
}

/** What the other side of the broker saw: by device, each `tl-id` with how often it came; and commands with their ends. */
class Tally {
  /** @type {Map<string, Map<string, number>>} */
  readings = new Map(DEVICES.map((id) => [id, new Map()]));
  /** @type {Map<string, string>} */
  results = new Map();
  disorder = 0;
  #last = new Map(DEVICES.map((id) => [id, 0]));

  /** @param {string} id @param {{ 'tl-id': string, text: string }} envelope */
  reading(id, { 'tl-id': name, text }) {
    const seen = /** @type {Map<string, number>} */ (this.readings.get(id));
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    if (times > 1) return; // the same tl-id: a consumer drops it
    const number = Number(text);
    if (number !== (this.#last.get(id) ?? 0) + 1) this.disorder += 1;
    this.#last.set(id, number);
  }

  get received() {
    return [...this.readings.values()].reduce((sum, seen) => sum + seen.size, 0);
  }

  get repeated() {
    return [...this.readings.values()].reduce((sum, seen) => sum + [...seen.values()].reduce((more, times) => more + times - 1, 0), 0);
  }
}

/**
 * @param {string} url
 * @param {Tally} tally
 * @param {boolean} foreign  a broker of somebody's keeps nothing of this
 */
async function otherSide(url, tally, foreign) {
  const client = await connect(url, { clientId: `${PREFIX}-app`, clean: false, reconnectPeriod: 200 });
  if (foreign) cleanup.push(() => tidyUp(url));
  cleanup.push(() => client.endAsync(true));
  client.on('message', (topic, payload) => {
    const [, , id, kind] = topic.split('/');
    const said = JSON.parse(payload.toString());
    if (kind === 'up') tally.reading(/** @type {string} */ (id), said);
    else if (kind === 'result') tally.results.set(said['tl-id'], said.result);
  });
  await client.subscribeAsync([`${PREFIX}/+/+/up/#`, `${PREFIX}/+/+/result`], { qos: 1 });
  return client;
}

/**
 * A child that speaks over its channel. `exit` is fulfilled with its end.
 * @param {string} file
 * @param {object} order
 */
function child(file, order) {
  const process = fork(new URL(file, import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  process.send(order);
  cleanup.push(async () => {
    if (process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  });
  return process;
}

/** @param {{ database: string, broker: string, listen: string }} options */
async function startGateway(options) {
  const { TIDELOCK_MQTT_USER: user, TIDELOCK_MQTT_PASSWORD: password } = process.env;
  const gateway = child('./gateway.mjs', { ...options, prefix: PREFIX, user, password });
  const told = await Promise.race([once(gateway, 'message'), sleep(START)]);
  if (told === undefined) throw new Told(`the gateway could not take commands from the broker within ${START / 1_000} s`, `Its user needs the right to read and write ${PREFIX}/#; tidelock doctor --mqtt says more.`);
  const [{ address }] = /** @type {[{ address: string }]} */ (told);
  return { gateway, address };
}

/** @param {() => boolean} holds */
async function until(holds, patience = PATIENCE) {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(50)) if (holds()) return true;
  return false;
}

async function run() {
  const named = await brokerOf(process.argv.slice(2));
  const { openRegistry } = await import('tidelock/registry');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tidelock-demo-mqtt-'));
  cleanup.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const database = `sqlite:${path.join(folder, 'gateway.db')}`;
  const registry = await openRegistry(database);
  const keys = new Map();
  for (const id of DEVICES) keys.set(id, Buffer.from(await registry.add(id)).toString('hex'));
  await registry.close();

  title('Tidelock and MQTT: readings up, commands down, and everything cut in turn');
  const own = named === undefined ? await startBroker() : undefined, broker = own?.url ?? /** @type {string} */ (named);
  cleanup.push(() => own?.close());
  say('wire', own !== undefined ? `a broker runs in this process, at ${broker}` : `the broker is ${broker}`, `topics begin with ${PREFIX}`);
  const tally = new Tally(), client = await otherSide(broker, tally, own === undefined);
  // The gateway's way to the broker, which can be cut; inside TLS the name would be wrong, so it is left alone there.
  const { hostname, port, protocol } = new URL(broker);
  const wire = protocol === 'mqtt:' ? await new Relay(hostname, Number(port) || 1883).listen() : undefined;
  cleanup.push(() => wire?.close());
  const settings = { database, broker: wire === undefined ? broker : `mqtt://127.0.0.1:${wire.port}` };

  let { gateway, address } = await startGateway({ ...settings, listen: 'tidelock://127.0.0.1:0' });
  say('gateway', `listens at ${address}, its inbox and queues in SQLite`);
  const links = new Map(), devices = new Map(), counts = new Map();
  for (const id of DEVICES) {
    const link = await new Relay('127.0.0.1', Number(new URL(address).port)).listen();
    cleanup.push(() => link.close());
    links.set(id, link);
    const device = child('./device.mjs', { url: `tidelock://127.0.0.1:${link.port}`, id, key: keys.get(id), every: READING });
    device.on('message', (count) => counts.set(id, count));
    devices.set(id, device);
  }
  const sum = (/** @type {string} */ name) => [...counts.values()].reduce((all, count) => all + (Array.isArray(count[name]) ? count[name].length : count[name]), 0);

  /** Commands, each to the next device, by their number; they count once the broker has them. */
  let commands = 0, published = 0;
  const commander = setInterval(() => {
    const number = ++commands, id = DEVICES[number % DEVICES.length];
    const envelope = { 'tl-id': `c${number}`, 'tl-time': String(Date.now()), 'tl-lifetime': '600000', text: String(number) };
    client.publishAsync(`${PREFIX}/-/${id}/down/valve`, JSON.stringify(envelope), { qos: 1 }).then(() => void (published += 1), () => undefined);
  }, COMMAND);
  cleanup.push(() => clearInterval(commander));
  const shown = () => `${sum('sent')} sent, ${sum('acknowledged')} acknowledged, ${tally.received} received; ${published} commands, ${sum('obeyed')} obeyed`;

  chapter('Everything stands');
  const stands = await until(() => tally.received > 100 && sum('obeyed') > 10, START);
  claim(stands, 'readings reach the broker, commands the devices');
  if (!stands) throw new Told('nothing of the rest could be shown', `At the broker the user needs the right to read and write ${PREFIX}/#.`);
  say('wire', shown());

  if (wire !== undefined) {
    chapter('The broker is cut off');
    wire.cut();
    say('wire', 'nothing passes between gateway and broker', `${CUT / 1_000} s`);
    const before = sum('acknowledged');
    await sleep(CUT);
    claim(await until(() => sum('acknowledged') > before), 'the gateway goes on acknowledging: readings wait in its inbox');
    wire.mend();
    const received = tally.received;
    claim(await until(() => tally.received > received + 50), 'the broker is back, and gets what waited');
    say('wire', shown());
  }

  chapter('A device is cut off');
  const link = links.get('pump-1');
  link.cut();
  say('device', 'pump-1 has lost its network', `${CUT / 1_000} s`);
  await sleep(CUT);
  link.mend();
  const obeyed = counts.get('pump-1').obeyed.length;
  claim(await until(() => counts.get('pump-1').state === 'online' && counts.get('pump-1').obeyed.length > obeyed + 5), 'pump-1 comes back, sends what it kept, and gets the commands that waited');
  say('device', shown());

  chapter('The gateway is killed');
  gateway.kill('SIGKILL');
  await once(gateway, 'exit');
  say('gateway', 'SIGKILL, in the middle of it');
  await sleep(CUT);
  ({ gateway, address } = await startGateway({ ...settings, listen: address }));
  say('gateway', `runs again at ${address}`);
  const received = tally.received;
  claim(await until(() => tally.received > received + 50), 'devices come back, readings flow again');
  say('gateway', shown());

  chapter('The count');
  clearInterval(commander);
  for (const device of devices.values()) device.send('quiet');
  const settled = await until(() => sum('acknowledged') === sum('sent') && tally.received >= sum('acknowledged') && tally.results.size >= published);
  const twice = sum('obeyed') - [...counts.values()].reduce((all, { obeyed: numbers }) => all + new Set(numbers).size, 0);
  const ends = new Map();
  for (const end of tally.results.values()) ends.set(end, (ends.get(end) ?? 0) + 1);
  const delivered = ends.get('delivered') ?? 0, doubtful = ends.get('in doubt') ?? 0;
  say('inbox', `readings: ${sum('sent')} sent, ${sum('acknowledged')} acknowledged, ${tally.received} received, ${tally.repeated} repeated under the same tl-id`);
  say('inbox', `commands: ${published} taken by the broker, ${delivered} delivered, ${doubtful} in doubt, ${sum('obeyed')} obeyed, ${twice} obeyed twice`);
  claim(settled && sum('failed') === 0 && tally.received === sum('acknowledged'), 'no acknowledged reading was lost');
  claim(tally.disorder === 0, 'each device\'s readings came in order, repeats of the same tl-id left out');
  claim(twice === 0, 'no command was obeyed twice');
  claim(settled && delivered + doubtful === published && delivered <= sum('obeyed'), 'every command has its end, and none is said to be delivered that was not');

  for (const device of devices.values()) device.send('stop');
  await Promise.all([...devices.values()].map((device) => once(device, 'exit')));
  gateway.send('stop');
  await once(gateway, 'exit');
}

/** At a broker of somebody's, after everything else has ended: a will may put something there until then. */
async function tidyUp(/** @type {string} */ url) {
  if (!(await tidy(url, PREFIX))) fail(`what lies at ${url} under ${PREFIX}/#, and the sessions ${PREFIX}-app and ${PREFIX}-keeper, could not be taken away: it did not answer in time.`);
}

async function end(/** @type {number} */ code) {
  if (ending) return never();
  ending = true;
  for (const step of cleanup.splice(0).reverse()) await step();
  process.exit(code === 0 && broken > 0 ? 1 : code);
}

for (const [signal, code] of /** @type {const} */ ([['SIGINT', 130], ['SIGTERM', 143]])) process.once(signal, () => void end(code));
try {
  await run();
  if (broken === 0) close('Everything held.');
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
await end(broken === 0 ? 0 : 1);
