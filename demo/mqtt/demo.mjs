/**
 * `npm run demo:mqtt [-- --broker mqtt://HOST]`: readings of three devices go through a gateway to an MQTT broker, commands come
 * back, while the broker, a device and the gateway are cut off in turn. Without --broker one runs in this process (aedes). User
 * and password of a broker come from TIDELOCK_MQTT_USER and TIDELOCK_MQTT_PASSWORD. Exits 0 where the counts are right.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { chapter, claim, close, fail, say, title, broken } from '../story.mjs';
import { Relay } from './relay.mjs';

const DEVICES = ['pump-1', 'pump-2', 'pump-3'];
/** ms between readings of a device, between commands, of a cut, and in which all must have arrived at the end. */
const READING = 20, COMMAND = 50, CUT = 1_500, PATIENCE = 90_000;
/** A first level of topics of its own: at a broker that is in use nobody else's messages are seen. */
const PREFIX = `tl-demo-${randomBytes(4).toString('hex')}`;

const { values } = parseArgs({ options: { broker: { type: 'string' } } });
/** @type {(() => unknown)[]} */
const cleanup = [];

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

async function startBroker() {
  const aedes = await Aedes.createBroker();
  const server = net.createServer((socket) => aedes.handle(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(() => {
    server.close();
    aedes.close();
  });
  return `mqtt://127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`;
}

/** @param {string} url */
async function otherSide(url, /** @type {Tally} */ tally) {
  const { TIDELOCK_MQTT_USER: username, TIDELOCK_MQTT_PASSWORD: password } = process.env;
  const client = await mqtt.connectAsync(url, { clientId: `${PREFIX}-app`, clean: false, username, password, reconnectPeriod: 200 });
  client.on('message', (topic, payload) => {
    const [, , id, kind] = topic.split('/');
    const said = JSON.parse(payload.toString());
    if (kind === 'up') tally.reading(/** @type {string} */ (id), said);
    else if (kind === 'result') tally.results.set(said['tl-id'], said.result);
  });
  await client.subscribeAsync([`${PREFIX}/+/+/up/#`, `${PREFIX}/+/+/result`], { qos: 1 });
  cleanup.push(() => client.endAsync(true));
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
  cleanup.push(() => process.kill('SIGKILL'));
  return process;
}

/** @param {{ database: string, broker: string, listen: string }} options */
async function startGateway(options) {
  const { TIDELOCK_MQTT_USER: user, TIDELOCK_MQTT_PASSWORD: password } = process.env;
  const gateway = child('./gateway.mjs', { ...options, prefix: PREFIX, user, password });
  const [{ address }] = /** @type {[{ address: string }]} */ (await once(gateway, 'message'));
  return { gateway, address };
}

/** @param {() => boolean} holds */
async function until(holds) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(50)) if (holds()) return true;
  return false;
}

async function run() {
  const { openRegistry } = await import('tidelock/registry');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tidelock-demo-mqtt-'));
  cleanup.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const database = `sqlite:${path.join(folder, 'gateway.db')}`;
  const registry = await openRegistry(database);
  const keys = new Map();
  for (const id of DEVICES) keys.set(id, Buffer.from(await registry.add(id)).toString('hex'));
  await registry.close();

  title('Tidelock and MQTT: readings up, commands down, and everything cut in turn');
  const broker = values.broker ?? (await startBroker());
  say('wire', values.broker === undefined ? `a broker runs in this process, at ${broker}` : `the broker is ${broker}`, `topics begin with ${PREFIX}`);
  const tally = new Tally(), client = await otherSide(broker, tally);
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
  claim(await until(() => tally.received > 100 && sum('obeyed') > 10), 'readings reach the broker, commands the devices');
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
  if (values.broker !== undefined) {
    await client.endAsync();
    await tidy(broker);
  }
}

/** A broker of somebody's keeps nothing of this: what was retained, and the two sessions that outlive their connections. */
async function tidy(/** @type {string} */ url) {
  const { TIDELOCK_MQTT_USER: username, TIDELOCK_MQTT_PASSWORD: password } = process.env;
  for (const clientId of [`${PREFIX}-app`, `${PREFIX}-keeper`]) {
    const client = await mqtt.connectAsync(url, { clientId, clean: true, username, password });
    if (clientId.endsWith('keeper')) {
      for (const topic of [...DEVICES.map((id) => `-/${id}/status`), '$gw/local/status']) await client.publishAsync(`${PREFIX}/${topic}`, '', { qos: 1, retain: true });
    }
    await client.endAsync();
  }
}

async function end(/** @type {number} */ code) {
  for (const step of cleanup.splice(0).reverse()) await step();
  process.exit(code);
}

process.once('SIGINT', () => void end(130));
try {
  await run();
  if (broken === 0) close('Everything held.');
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
await end(broken === 0 ? 0 : 1);
