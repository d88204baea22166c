/** `tidelock serve --mqtt` from the command line, against mosquitto and its own programs; credentials, TLS, and what doctor says. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { haveMosquitto, freePort, startMosquitto } from '../bridge/brokers.js';
import { eventually, mosquittoPub, mosquittoSub, Other } from '../bridge/support.js';
import { skipMissing } from '../support/skip.js';
import { certificate } from '../support/tls.js';
import { inPlace, jsonLines } from './harness.js';

const test = suite('mqtt');
const real = haveMosquitto ? test : skipMissing(test, 'mosquitto and mosquitto-clients');

real('an acknowledged reading appears at mosquitto_sub, and mosquitto_pub reaches the device', () =>
  inPlace(async (place) => {
    const broker = await startMosquitto(5);
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump.key']);
    const { gateway, url } = await place.serve(['--mqtt', broker.url, '--metrics', '127.0.0.1:0']);
    await gateway.line('stderr', /"level":30.*"connections":4,"msg":"connected to the broker"/);
    const heard = mosquittoSub(broker, 'tl/-/pump-7/up', 1);
    const device = place.start(['device', '--id', 'pump-7', '--key-file', 'pump.key', '--listen', url], { input: '21.5\n' });
    assert.equal(await heard, ['tl/-/pump-7/up 21.5']);
    await mosquittoPub(broker, 'tl/-/pump-7/down', 'valve open', '-D', 'publish', 'user-property', 'tl-id', 'c1');
    await eventually('the command', () => device.stdout.includes('valve open'));
    device.child.kill('SIGTERM');
    await device.ended();
    await broker.close();
  }));

test('SIGTERM ends the gateway also where the broker stands still: no socket of its keeps the process', () =>
  inPlace(async (place) => {
    const sockets: Socket[] = [];
    // It lets in whoever comes, answers nothing more, and never closes.
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined).once('data', () => void socket.write(Buffer.of(0x20, 3, 0, 0, 0)));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { gateway } = await place.serve(['--mqtt', `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, '--mqtt-protocol', '5', '--drain', '100']);
    await eventually('all connections', () => sockets.length === 5);
    const before = Date.now();
    gateway.signal('SIGTERM');
    const late = setTimeout(() => gateway.signal('SIGKILL'), 15_000);
    assert.is((await gateway.ended()).code, 0);
    clearTimeout(late);
    assert.ok(Date.now() - before < 10_000);
    for (const socket of sockets) socket.destroy();
    server.close();
  }));

test('what is wrong in the settings is named, all at once, and no password is told', () =>
  inPlace(async (place) => {
    const { code, stderr } = await place.run(['serve', '--mqtt', 'mqtt://me:secret7@broker.example', '--mqtt-mode', 'both', '--mqtt-connections', '99']);
    assert.is(code, 2);
    assert.match(stderr, /--mqtt .*user or a password/);
    assert.match(stderr, /--mqtt-mode .*inbox, through/);
    assert.match(stderr, /--mqtt-connections .*1 to 64/);
    assert.not.match(stderr, /secret7/);
    const alone = await place.run(['serve', '--mqtt-ca', 'ca.pem']);
    assert.match(alone.stderr, /--mqtt-ca has no --mqtt/);
    const plain = await place.run(['serve', '--mqtt', 'mqtt://broker.example', '--mqtt-ca', 'ca.pem'], { environment: { TIDELOCK_MQTT_PASSWORD: 'secret7' } });
    assert.match(plain.stderr, /--mqtt-ca is of no use/);
    assert.match(plain.stderr, /TIDELOCK_MQTT_PASSWORD has no TIDELOCK_MQTT_USER/);
    const flag = await place.run(['serve', '--mqtt', 'mqtt://broker.example', '--mqtt-password', 'secret7']);
    assert.is(flag.code, 2, 'a password is no flag');
    assert.match(flag.stderr, /give --mqtt-user-file.* See tidelock serve --help/);
    for (const json of [[], ['--json']]) {
      const joined = await place.run(['serve', '--mqtt', 'mqtt://broker.example', ...json, '--mqtt-password=secret7=secret8']);
      assert.is(joined.code, 2);
      assert.match(joined.stderr, /unknown option '--mqtt-password'.*give --mqtt-user-file/s);
      assert.not.match(joined.stderr, /secret[78]/, 'what is typed here may stand in a journal');
    }
    for (const url of ['mqtt://broker.example?password=secret7', 'mqtt://broker.example/?clientId=secret7', 'mqtt://broker.example/secret7', 'mqtts://broker.example#secret7', 'wss://broker.example/mqtt?secret7']) {
      const more = await place.run(['serve', '--mqtt', url]);
      assert.is(more.code, 2, url);
      assert.match(more.stderr, /--mqtt .*a URL with more than host and port/);
      assert.not.match(more.stderr, /secret7/);
    }
    const missing = await place.run(['serve', '--listen', 'tidelock://127.0.0.1:0', '--mqtt', 'mqtt://127.0.0.1:9', '--mqtt-user-file', 'nowhere']);
    assert.match(missing.stderr, /INPUT_INVALID: the file nowhere cannot be read: .*does not exist\.\n.*--mqtt-user-file names the file/);
    writeFileSync(path.join(place.folder, 'user'), 'me\nsecret7\n', { mode: 0o644 });
    const open = await place.run(['serve', '--listen', 'tidelock://127.0.0.1:0', '--mqtt', 'mqtt://127.0.0.1:9', '--mqtt-user-file', 'user']);
    assert.match(open.stderr, /KEY_FILE_MODE/);
  }));

real('TLS with an own certificate, user and password from a file; doctor names what is missing', () =>
  inPlace(async (place) => {
    const write = (name: string, text: string, mode = 0o600): string => {
      const file = path.join(place.folder, name);
      writeFileSync(file, text, { mode });
      return file;
    };
    const own = certificate();
    const cert = write('broker.pem', own.cert, 0o644), key = write('broker.key', own.key), port = await freePort();
    const passwords = write('passwords', '');
    const { execFileSync } = await import('node:child_process');
    execFileSync('mosquitto_passwd', ['-b', passwords, 'gateway', 'secret7'], { stdio: 'pipe' });
    const broker = await startMosquitto(5, ['allow_anonymous false', `password_file ${passwords}`, `listener ${port} 127.0.0.1`, `certfile ${cert}`, `keyfile ${key}`]);
    const user = write('user', 'gateway\nsecret7\n');
    const wrong = write('wrong', 'gateway\nguess\n');
    const url = `mqtts://localhost:${port}`;
    const words = (file: string, ...more: string[]): string[] => ['doctor', '--json', '--listen', 'tidelock://127.0.0.1:0', '--mqtt', url, '--mqtt-user-file', file, ...more];
    const told = async (...given: string[]): Promise<string> => {
      const { stdout } = await place.run(given);
      return JSON.stringify(jsonLines(stdout).filter(({ check }) => check === 'broker'));
    };
    const good = await told(...words(user, '--mqtt-ca', cert));
    assert.match(good, /with MQTT 5/);
    assert.match(good, /autosave_on_changes/);
    assert.not.match(good, /"fail"/);
    assert.match(await told(...words(wrong, '--mqtt-ca', cert)), /"fail".*[Nn]ot authorized.*--mqtt-user-file/);
    assert.match(await told(...words(user)), /"fail".*certificate.*--mqtt-ca/);
    assert.match(await told('doctor', '--json', '--listen', 'tidelock://127.0.0.1:0', '--mqtt', 'mqtt://127.0.0.1:9'), /"fail".*ECONNREFUSED/);
    // And the gateway itself.
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump.key']);
    const gateway = await place.serve(['--mqtt', url, '--mqtt-user-file', user, '--mqtt-ca', cert]);
    const other = await Other.connect(broker, ['tl/#'], { username: 'gateway', password: 'secret7' });
    const device = place.start(['device', '--id', 'pump-7', '--key-file', 'pump.key', gateway.url], { input: 'x\n' });
    await eventually('the reading', () => other.of('tl/-/pump-7/up').length === 1);
    await device.ended();
    await other.close();
    await broker.close();
  }));

real('doctor names the topics for which rights are missing', () =>
  inPlace(async (place) => {
    const acl = path.join(place.folder, 'acl');
    writeFileSync(acl, 'topic readwrite tl/+/+/up/#\ntopic readwrite tl/+/+/status\ntopic readwrite tl/$gw/+/probe\n', { mode: 0o600 });
    const broker = await startMosquitto(5, [`acl_file ${acl}`]);
    const { stdout, code } = await place.run(['doctor', '--json', '--listen', 'tidelock://127.0.0.1:0', '--mqtt', broker.url]);
    const failed = jsonLines(stdout).filter(({ check, verdict }) => check === 'broker' && verdict === 'fail').map(({ text }) => /"(.*?)"/.exec(String(text))![1]);
    assert.equal(failed, ['result', 'down']);
    assert.is(code, 1);
    await broker.close();
  }));

test.run();
