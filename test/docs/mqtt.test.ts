/** The rights that docs/mqtt.md gives for mosquitto and NATS are enough, and no more than that. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { haveMosquitto, haveNats, startMosquitto, startNats } from '../bridge/brokers.js';
import { device, eventually, Other, site, type Site } from '../bridge/support.js';
import { found, skipMissing } from '../support/skip.js';

const text = readFileSync(new URL('../../docs/mqtt.md', import.meta.url), 'utf8');
const test = haveMosquitto && found('mosquitto_passwd', '--help') ? uvuTest : skipMissing(uvuTest, 'mosquitto');

/** A reading up, a command down and its end; gives what the device obeys. */
async function upAndDown(place: Site, pump: Awaited<ReturnType<typeof device>>, app: Other): Promise<string[]> {
  await eventually('the keeper', () => place.bridge.counters().keeper); // what is published before it has subscribed once is for nobody
  const obeyed: string[] = [];
  pump.on('message', (message) => void obeyed.push(`${message.topic}: ${message.text()}`));
  await pump.publish('temp/inlet', '21.5').acknowledged;
  await eventually('the reading came', () => app.of('tl/-/pump-7/up/temp/inlet').length === 1);
  await app.publish('tl/-/pump-7/down/valve/set', 'open');
  await eventually('it is obeyed, and its end is told', () => obeyed.length === 1 && app.of('tl/-/pump-7/result').length === 1);
  assert.equal(obeyed, ['valve/set: open']);
  return obeyed;
}

/** A cluster that has just begun ends connections until it has a leader, which is no matter of rights: this one stands once it has. */
async function first(connect: () => Promise<Other>): Promise<Other> {
  let made: Other | undefined;
  await eventually('the cluster takes a client', async () => (made = await connect().catch(() => undefined)) !== undefined);
  return made!;
}

test('with the rights for mosquitto every probe comes back, readings go up, commands down; nobody else writes as a device', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-acl-')), acl = path.join(folder, 'acl'), passwords = path.join(folder, 'passwords');
  chmodSync(folder, 0o755);
  const rights = /<!-- acl: begin -->\n```\n([^`]+)```\n<!-- acl: end -->/.exec(text)![1]!;
  writeFileSync(acl, rights, { mode: 0o644 });
  writeFileSync(passwords, ['gateway', 'app', 'homeassistant'].map((user) => `${user}:${user}-word\n`).join(''), { mode: 0o644 });
  assert.is(spawnSync('mosquitto_passwd', ['-U', passwords]).status, 0);
  const broker = await startMosquitto(5, ['allow_anonymous false', `acl_file ${acl}`, `password_file ${passwords}`]);
  const as = (username: string): { username: string; password: string } => ({ username, password: `${username}-word` });
  const place = await site({ ...broker.bridge, ...as('gateway') }), pump = await device(place, 'pump-7');
  const app = await Other.connect(broker, ['tl/#'], as('app')), home = await Other.connect(broker, ['homeassistant/#', 'tl/#'], as('homeassistant'));
  const obeyed = await upAndDown(place, pump, app);
  await place.registry.entities.announce('pump-7', 'inlet', { platform: 'sensor', topic: 'temp/inlet' });
  await eventually('Home Assistant is told', () => home.of('homeassistant/device/tl_-pump-7/config').length === 1);
  await home.publish('tl/-/pump-7/down/valve/set', 'close');
  await eventually('it commands', () => obeyed.length === 2);
  // MQTT 5 tells who may not; what would count as proved is nobody's to write.
  for (const topic of ['tl/-/pump-7/up/temp/inlet', 'tl/-/pump-7/status', 'tl/-/pump-7/result', 'tl/$gw/local/status']) {
    const refused = await app.client.publishAsync(topic, 'x', { qos: 1 }).then(() => undefined, (error: unknown) => error as Error);
    assert.ok(refused !== undefined || app.of(topic).every((got) => got.text !== 'x'), topic);
  }
  const probes = ['tl/-/$local/up/$probe', 'tl/-/$local/status', 'tl/-/$local/result', 'tl/$gw/local/probe'];
  await eventually('each class of topics was probed', () => probes.every((topic) => app.of(topic).length > 0));
  assert.equal(place.bridge.counters().probesFailed, []);
  assert.equal(place.alarms, []);

  await pump.close({ drain: 0 });
  await place.close();
  await app.close();
  await home.close();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

const natsTest = haveNats ? uvuTest : skipMissing(uvuTest, 'nats-server');

natsTest('with the rights for NATS every probe comes back, readings go up, commands down; nobody else writes as a device', async () => {
  const rights = /<!-- nats: begin -->\n```\n([^`]+)```\n<!-- nats: end -->/.exec(text)![1]!;
  const as = (username: string): { username: string; password: string } => ({ username, password: `${username}-word` });
  const broker = await startNats(rights, { GATEWAY_PASSWORD: 'gateway-word', APP_PASSWORD: 'app-word' });
  const app = await first(() => Other.connect(broker, ['tl/#'], as('app')));
  const place = await site({ ...broker.bridge, ...as('gateway') }), pump = await device(place, 'pump-7');
  const obeyed = await upAndDown(place, pump, app);
  const probes = ['tl/-/$local/up/$probe', 'tl/-/$local/status', 'tl/-/$local/result', 'tl/$gw/local/probe'];
  await eventually('each class of topics was probed', () => probes.every((topic) => app.of(topic).length > 0));
  assert.equal(place.bridge.counters().probesFailed, []);
  assert.equal(place.alarms, []);
  // MQTT 3.1.1 cannot say who may not: what was acknowledged must not have come.
  for (const topic of ['tl/-/pump-7/up/temp/inlet', 'tl/-/pump-7/status', 'tl/-/pump-7/result', 'tl/$gw/local/status']) await app.client.publishAsync(topic, 'x', { qos: 1 }).catch(() => undefined);
  await app.publish('tl/-/pump-7/down/valve/set', 'close');
  await eventually('what came behind them is obeyed', () => obeyed.length === 2);
  for (const topic of ['tl/-/pump-7/up/temp/inlet', 'tl/-/pump-7/status', 'tl/-/pump-7/result', 'tl/$gw/local/status']) assert.ok(app.of(topic).every((got) => got.text !== 'x'), topic);
  await pump.close({ drain: 0 });
  await place.close();
  await app.close();
  await broker.close();
});

uvuTest('what docs/mqtt.md says of names and defaults is so', async () => {
  const { checkMqttOptions } = await import('../../dist/host/bridge/options.js');
  const setup = checkMqttOptions({ url: 'mqtt://broker.example' });
  assert.equal([setup.mode, setup.prefix, setup.discovery, setup.lifetime, setup.envelope], ['inbox', 'tl', 'homeassistant', 60_000, 'auto']);
  assert.throws(() => checkMqttOptions({ url: 'mqtt://user:secret@broker.example' }), (error: Error) => /belong elsewhere/.test(error.message) && !error.message.includes('secret'));
  const { createProgram } = await import('../../dist/host/cli/program.js');
  const help = createProgram({ exit: 0 }, { json: false, debug: false }).commands.map((command) => [command.name(), ...command.commands.map((sub) => `${command.name()} ${sub.name()}`), ...command.options.map(({ long }) => long)]).flat();
  for (const [, flag] of text.matchAll(/(--mqtt[a-z-]*)/g)) assert.ok(help.includes(flag), flag);
  for (const [, words] of text.matchAll(/tidelock (dead-letters \w+|devices \w+|queue \w+|rules \w+)/g)) assert.ok(help.includes(words), words);
});

uvuTest.run();
