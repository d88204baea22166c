/** `npm run demo:mqtt` shows what it says, counts it, and cleans up after itself. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import mqtt from 'mqtt';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort, haveMosquitto, startAedes, startMosquitto } from './bridge/brokers.js';
import { tidy } from '../demo/mqtt/broker.mjs';
import { skipMissing } from './support/skip.js';

const DEMO = fileURLToPath(new URL('../demo/mqtt/demo.mjs', import.meta.url));

test('the broker, a device and the gateway are cut off in turn, and the counts are right', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-demo-test-'));
  const child = spawn(process.execPath, [DEMO], { env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder, NO_COLOR: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '', stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.is(code, 0, stdout + stderr);
  assert.is(stderr, '');
  for (const shown of [
    '✓ the gateway goes on acknowledging: readings wait in its inbox', '✓ the broker is back, and gets what waited', '✓ pump-1 comes back',
    'gateway  SIGKILL', '✓ devices come back, readings flow again', '✓ no acknowledged reading was lost', '✓ no command was obeyed twice', '✓ every command has its end',
    'Everything held.',
  ]) assert.ok(stdout.includes(shown), `${shown}\nis not in\n${stdout}`);
  const [, sent, acknowledged, received] = /readings: (\d+) sent, (\d+) acknowledged, (\d+) received, \d+ repeated/.exec(stdout)!.map(Number);
  assert.ok(sent! > 100);
  assert.equal([acknowledged, received], [sent, sent]);
  assert.not.match(stdout, /✗|NOT SHOWN/);
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('tidelock-')), [], 'its folder is removed');
  rmSync(folder, { recursive: true, force: true });
});

/** Runs it with `words`; `look` hears all that it has printed so far, and its process. */
async function demo(words: readonly string[], environment: NodeJS.ProcessEnv = {}, look: (text: string, child: ChildProcess) => void = () => undefined): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [DEMO, ...words], { env: { ...process.env, NO_COLOR: '', ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => look((text += more), child));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

const real = haveMosquitto ? test : skipMissing(test, 'mosquitto and mosquitto-clients');

real('at a broker that was named nothing is left by Ctrl-C: no message, no session', async () => {
  const broker = await startMosquitto(5), folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-demo-test-'));
  let told = false;
  const { code, text } = await demo(['--broker', broker.url], { TMPDIR: folder, TEMP: folder, TMP: folder }, (text, child) => {
    if (told || !text.includes('A device is cut off')) return;
    told = true;
    child.kill('SIGINT');
  });
  assert.is(code, 130, text);
  const prefix = /topics begin with (\S+)/.exec(text)![1]!;
  for (const clientId of [`${prefix}-app`, `${prefix}-keeper`]) {
    const client = mqtt.connect(broker.url, { clientId, clean: false });
    const { sessionPresent } = await new Promise<{ sessionPresent: boolean }>((resolve) => client.once('connect', resolve));
    assert.is(sessionPresent, false, clientId);
    const got: string[] = [];
    client.on('message', (topic) => void got.push(topic));
    await client.subscribeAsync('#', { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(got, []);
    await client.endAsync();
  }
  assert.equal(readdirSync(folder), [], 'its folder is removed');
  rmSync(folder, { recursive: true, force: true });
  await broker.close();
});

test('what is retained is taken away at a broker that is far off, too', async () => {
  const broker = await startAedes(), prefix = 'tl-demo-x', { port } = broker;
  const client = await mqtt.connectAsync(broker.url), found: string[] = [];
  await client.publishAsync(`${prefix}/-/pump-1/status`, '{}', { qos: 1, retain: true });
  // Half a second there and back.
  const far = createServer((near) => {
    const there = connect(port, '127.0.0.1');
    for (const [from, to] of [[near, there], [there, near]] as const) {
      from.on('data', (bytes) => void setTimeout(() => to.write(bytes), 250));
      from.on('error', () => undefined);
      from.on('close', () => void setTimeout(() => to.destroy(), 250));
    }
  }).listen(0, '127.0.0.1');
  await once(far, 'listening');
  assert.ok(await tidy(`mqtt://127.0.0.1:${(far.address() as AddressInfo).port}`, prefix));
  client.on('message', (topic) => void found.push(topic));
  await client.subscribeAsync('#', { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(found, []);
  await client.endAsync();
  far.close();
  await broker.close();
});

real('what cannot be is said in words, at once, without a stack and without a password', async () => {
  const broker = await startMosquitto(5, ['allow_anonymous false']), dead = `mqtt://127.0.0.1:${await freePort()}`;
  for (const [words, wanted, environment] of [
    [['--broker', dead], /there is no MQTT broker at .*ECONNREFUSED/, {}],
    [['--broker', broker.url], /does not let the demo in.*\n.*they are not set/, {}],
    [['--broker', broker.url], /does not let the demo in/, { TIDELOCK_MQTT_USER: 'app', TIDELOCK_MQTT_PASSWORD: 'topsecret' }],
    [['--broker', 'mqtt://app:topsecret@127.0.0.1'], /--broker: .*a URL with a user or a password/, {}],
    [['--broker', '127.0.0.1:1883'], /--broker: .*must be the address of a broker/, {}],
    [['--brokr', dead], /--brokr.*\n.*npm run demo:mqtt/, {}],
    [['--broker'], /--broker.*\n.*npm run demo:mqtt/, {}],
  ] as const) {
    const { code, text } = await demo(words, environment);
    assert.is(code, 1, text);
    assert.match(text, wanted);
    assert.not.match(text, /topsecret|\n {4}at |could not be taken away/);
  }
  await broker.close();
});

test.run();
