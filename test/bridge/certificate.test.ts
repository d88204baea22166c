/** A broker that knows the gateway by its certificate: mosquitto with `require_certificate` and `use_identity_as_username`, whose rights are by that name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mqtt, type MqttOptions } from 'tidelock/bridge';
import { inPlace, jsonLines } from '../cli/harness.js';
import { skipMissing } from '../support/skip.js';
import { authority } from '../support/tls.js';
import { freePort, haveMosquitto, startMosquitto, type Broker } from './brokers.js';
import { device, eventually, Other, site } from './support.js';

const test = suite('a certificate for the broker');
const real = haveMosquitto ? test : skipMissing(test, 'mosquitto');

const trusted = authority(), gateway = trusted.issue('gateway', 'client'), stranger = authority('another.test').issue('gateway', 'client');

interface Guarded {
  readonly broker: Broker;
  readonly url: string;
  path(name: string): string;
  close(): Promise<void>;
}

/** Beside the port that wants a certificate it has one at which anybody may read, and nobody write. */
async function guarded(more: readonly string[] = [], days?: number): Promise<Guarded> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-certificate-')), port = await freePort(), server = trusted.issue('localhost', 'server', days);
  const files = {
    'ca.pem': trusted.cert, 'broker.pem': server.cert, 'broker.key': server.key, 'gateway.pem': gateway.cert, 'gateway.key': gateway.key,
    'stranger.pem': stranger.cert, 'stranger.key': stranger.key, acl: 'topic read tl/#\n\nuser gateway\ntopic readwrite tl/#\n',
  };
  const where = (name: string): string => path.join(folder, name);
  for (const [name, text] of Object.entries(files)) writeFileSync(where(name), text, { mode: 0o600 });
  const broker = await startMosquitto(5, [
    `acl_file ${where('acl')}`, `listener ${port} 127.0.0.1`, `cafile ${where('ca.pem')}`, `certfile ${where('broker.pem')}`, `keyfile ${where('broker.key')}`,
    'require_certificate true', 'use_identity_as_username true', ...more,
  ]);
  return {
    broker, url: `mqtts://localhost:${port}`, path: where,
    close: async () => {
      await broker.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What the gateway says of a broker that does not let it in. */
async function refusal(options: MqttOptions): Promise<string> {
  const place = await site(options);
  await eventually('it is told', () => place.alarms.length > 0);
  assert.is(place.bridge.counters().connections, 0);
  await place.close();
  return place.alarms[0]!;
}

real('it connects by its certificate, and has the rights of the name in it', async () => {
  const { broker, url, close } = await guarded();
  const place = await site({ url, ca: trusted.cert, ...gateway }), pump = await device(place, 'pump-7'), other = await Other.connect(broker, ['tl/#']);
  await pump.publish('temp/inlet', '21.5').acknowledged;
  await eventually('the reading came', () => other.of('tl/-/pump-7/up/temp/inlet').length === 1);
  await eventually('all connections stand', () => place.bridge.counters().connections === 5 && place.bridge.counters().keeper);
  assert.is(place.bridge.counters().version, 5);
  await eventually('its topics were probed', () => other.of('tl/$gw/local/probe').length > 0);
  assert.equal([place.bridge.counters().probesFailed, place.alarms], [[], []]);
  await pump.close({ drain: 0 });
  await place.close();
  await other.close();
  await close();
});

for (const version of ['tlsv1.3', 'tlsv1.2']) {
  real(`${version}: without a certificate, or with one that the broker does not know, it says what to do`, async () => {
    const { url, close } = await guarded([`tls_version ${version}`]);
    assert.match(await refusal({ url, ca: trusted.cert }), /requires a certificate.*give one .*--mqtt-cert and --mqtt-key/);
    assert.match(await refusal({ url, ca: trusted.cert, ...stranger }), /refuses the certificate of the gateway: .*authority; give one .*--mqtt-cert and --mqtt-key/);
    assert.match(await refusal({ url, ...gateway }), /certificate of the broker is not trusted: .*; give .*--mqtt-ca/);
    await close();
  });
}

real('the command says the same, and doctor', () =>
  inPlace(async (place) => {
    const { url, path: file, close } = await guarded();
    const own = ['--mqtt-ca', file('ca.pem'), '--mqtt-cert', file('gateway.pem')], words = ['--listen', 'tidelock://127.0.0.1:0', '--mqtt', url];
    const { gateway: without } = await place.serve(['--mqtt', url, '--mqtt-ca', file('ca.pem')]);
    const told = JSON.parse(await without.line('stderr', /"msg":"no connection to the broker/)) as { reason: string; remedy: string };
    assert.match(told.reason, /requires a certificate/);
    assert.match(told.remedy, /--mqtt-cert/);
    without.signal('SIGTERM');
    await without.ended();
    const { gateway: good } = await place.serve(['--log-level', 'debug', '--mqtt', url, ...own, '--mqtt-key', file('gateway.key')]);
    await good.line('stderr', /"msg":"connected to the broker"/);
    good.signal('SIGTERM');
    assert.is((await good.ended()).code, 0);
    const findings = async (...more: string[]): Promise<Record<string, unknown>[]> =>
      jsonLines((await place.run(['doctor', '--json', ...words, ...more])).stdout).filter(({ check }) => check === 'broker');
    assert.equal((await findings(...own, '--mqtt-key', file('gateway.key'))).filter(({ verdict }) => verdict === 'fail'), []);
    const [none] = await findings('--mqtt-ca', file('ca.pem'));
    assert.match(String(none!['text']), /requires a certificate/);
    assert.match(String(none!['action']), /--mqtt-cert and --mqtt-key/);

    const start = async (...more: string[]): Promise<string> => {
      const { code, stderr } = await place.run(['serve', ...words, ...more]);
      assert.is(code, 1);
      return stderr;
    };
    assert.match(await start(...own, '--mqtt-key', file('stranger.key')), /CERTIFICATE_INVALID: .*gateway\.pem is of another key than .*stranger\.key\.\n.*made together/);
    assert.match(await start(...own), /CERTIFICATE_INVALID: .*gateway\.pem holds no private key/, 'the key is sought in the same file');
    assert.match(await start('--mqtt-ca', file('gateway.key')), /CERTIFICATE_INVALID: .*gateway\.key holds no certificate/);
    await close();
  }));

real('doctor warns of certificates that soon expire', () =>
  inPlace(async (place) => {
    const { url, path: file, close } = await guarded([], 10), soon = trusted.issue('gateway', 'client', 12);
    writeFileSync(file('gateway.pem'), soon.cert);
    writeFileSync(file('gateway.key'), soon.key);
    const words = ['doctor', '--json', '--listen', 'tidelock://127.0.0.1:0', '--mqtt', url, '--mqtt-ca', file('ca.pem'), '--mqtt-cert', file('gateway.pem'), '--mqtt-key', file('gateway.key')];
    const warnings = jsonLines((await place.run(words)).stdout).filter(({ verdict, text }) => verdict === 'warn' && /expires/.test(String(text))).map(({ check, text }) => [check, String(text).replace(/ on \d{4}-\d\d-\d\d$/, '')]);
    assert.equal(warnings, [['broker', `the certificate of ${url} expires`], ['broker', 'the certificate by which the gateway shows itself to the broker (--mqtt-cert) expires']]);
    await close();
  }));

test('what does not belong together is refused before a connection is tried', () => {
  const url = 'mqtts://broker.example', code = (options: Partial<MqttOptions>): unknown => {
    try {
      mqtt({ url, ...options });
    } catch (error) {
      return [(error as { code: string }).code, (error as Error).message];
    }
    return undefined;
  };
  assert.is(code({ ca: trusted.cert, ...gateway }), undefined);
  assert.is(code({ ca: Buffer.from(trusted.cert), cert: Buffer.from(gateway.cert), key: Buffer.from(gateway.key) }), undefined);
  assert.match(String(code({ cert: gateway.cert, key: stranger.key })), /CERTIFICATE_INVALID,.*`cert` is of another key than `key`/);
  assert.match(String(code({ cert: gateway.key, key: gateway.key })), /CERTIFICATE_INVALID,.*`cert` holds no certificate/);
  assert.match(String(code({ ca: 'nothing' })), /CERTIFICATE_INVALID,.*`ca` holds no certificate/);
});

test.run();
