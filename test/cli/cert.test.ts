/** `tidelock cert`, and TLS between commands in processes of their own. */
import { X509Certificate } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkCertificate } from '../../dist/host/cli/doctor/certificate.js';
import type { Settings } from '../../dist/host/cli/setting-types.js';
import { certificate } from '../support/tls.js';
import { inPlace, jsonLines, posix, type Place } from './harness.js';

const test = suite('cert');
const SERVE = ['--tls-cert', 'gateway.crt', '--tls-key', 'gateway.key'];

async function make(place: Place, words: string[] = []): Promise<string> {
  const { code, stdout, stderr } = await place.run(['cert', 'gateway.crt', 'gateway.key', '--name', 'localhost', '--name', '127.0.0.1', '--json', ...words]);
  assert.is(code, 0, stderr);
  return (jsonLines(stdout)[0] as { pin: string }).pin;
}

test('a certificate and its key: names, dates, modes; nothing is overwritten', () =>
  inPlace(async (place) => {
    const { code, stdout } = await place.run(['cert', 'gateway.crt', 'gateway.key', '--name', 'gateway.example', '--name', '192.0.2.1', '--name', '2001:db8::1', '--days', '7']);
    assert.is(code, 0);
    const [said = '', pin = ''] = stdout.split('\n');
    assert.match(said, /gateway\.example, 192\.0\.2\.1, 2001:db8::1 to gateway\.crt, and its key to gateway\.key; valid until \d{4}-/);
    assert.match(pin, /^pin sha256\/[A-Za-z0-9+/]{43}=$/);
    const x509 = new X509Certificate(readFileSync(place.path('gateway.crt')));
    assert.is(x509.checkHost('gateway.example'), 'gateway.example');
    assert.is(x509.checkIP('192.0.2.1'), '192.0.2.1');
    assert.is(x509.checkIP('2001:db8::1'), '2001:db8::1');
    assert.ok(x509.verify(x509.publicKey));
    assert.not.ok(x509.ca, 'it may sign no other');
    assert.is(Math.round((Date.parse(x509.validTo) - Date.parse(x509.validFrom)) / 86_400_000), 7);
    if (posix) assert.is(statSync(place.path('gateway.key')).mode & 0o777, 0o600);
    const shown = await place.run(['cert', 'gateway.crt', 'gateway.key', '--show']);
    assert.ok(shown.stdout.includes(pin), shown.stdout);
    const before = readFileSync(place.path('gateway.key'), 'utf8');
    const again = await place.run(['cert', 'gateway.crt', 'gateway.key']);
    assert.is(again.code, 1);
    assert.match(again.stderr, /KEY_FILE_EXISTS/);
    assert.is(readFileSync(place.path('gateway.key'), 'utf8'), before);
  }));

test('--keep-key: another certificate, the same pin', () =>
  inPlace(async (place) => {
    const pin = await make(place), first = readFileSync(place.path('gateway.crt'), 'utf8');
    assert.is(await make(place, ['--keep-key']), pin);
    assert.is.not(readFileSync(place.path('gateway.crt'), 'utf8'), first);
    writeFileSync(place.path('gateway.key'), 'nothing');
    const { code, stderr } = await place.run(['cert', 'gateway.crt', 'gateway.key', '--keep-key']);
    assert.is(code, 1);
    assert.match(stderr, /CERTIFICATE_INVALID: gateway\.key holds no private key/);
  }));

test('names of this machine by default; a name that is none is refused', () =>
  inPlace(async (place) => {
    const { code } = await place.run(['cert', 'a.crt', 'a.key']);
    assert.is(code, 0);
    assert.is(new X509Certificate(readFileSync(place.path('a.crt'))).checkHost('localhost'), 'localhost');
    for (const name of ['a b', '1.2.3', 'x'.repeat(64), '-a', '', 'a..b', 'a,DNS:b', '1::2::3']) {
      const bad = await place.run(['cert', 'b.crt', 'b.key', `--name=${name}`]);
      assert.is(bad.code, 1, `${name}: ${bad.stderr}`);
      assert.match(bad.stderr, /INPUT_INVALID/);
    }
  }));

test('serve and device over TLS: by a pin, by the certificate itself, and refused without', () =>
  inPlace(async (place) => {
    const pin = await make(place);
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    const gateway = place.start(['serve', '--listen', 'tidelocks://127.0.0.1:0', '--log-format', 'json', ...SERVE]);
    const ready = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { addresses: string[] };
    const url = ready.addresses[0]!;
    assert.match(url, /^tidelocks:/);
    const device = (...words: string[]) => place.run(['device', '--id', 'pump-7', '--key-file', 'pump-7.key', ...words, url], { input: 'hello\n' });
    for (const words of [['--pin', pin], ['--ca', 'gateway.crt'], ['--ca', 'gateway.crt', '--pin', certificate().pin, '--pin', pin]]) {
      const { code, stderr } = await device(...words);
      assert.is(code, 0, stderr);
    }
    await gateway.line('stdout', /hello/);
    const refused = await device('--lifetime', '100ms');
    assert.is(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /CERTIFICATE_UNTRUSTED: .*self-signed/);
    const missing = await device('--ca', 'nowhere.pem');
    assert.is(missing.code, 1);
    assert.match(missing.stderr, /CERTIFICATE_UNREADABLE/);
    if (posix) {
      await make(place, ['--keep-key']);
      gateway.signal('SIGHUP');
      await gateway.line('stderr', /"msg":"certificate reloaded"/);
      writeFileSync(place.path('gateway.crt'), 'nothing');
      gateway.signal('SIGHUP');
      await gateway.line('stderr', /gateway\.crt holds no certificate/);
    }
    gateway.signal('SIGTERM');
    if (posix) assert.is((await gateway.ended()).code, 0);
  }));

test('settings that contradict each other are named before anything starts', () =>
  inPlace(async (place) => {
    await make(place);
    const cases: [string[], RegExp][] = [
      [['--listen', 'tidelocks://127.0.0.1:0'], /needs a certificate: --tls-cert/],
      [['--tls-key', 'gateway.key'], /--tls-key has no --tls-cert/],
      [['--listen', 'tidelock://127.0.0.1:0', ...SERVE], /--tls-cert is of no use/],
    ];
    for (const [words, says] of cases) {
      const { code, stderr } = await place.run(['serve', ...words]);
      assert.is(code, 2, stderr);
      assert.match(stderr, says);
    }
  }));

test('doctor: a good certificate, one that is over or not begun, another key, a key for all to read', () =>
  inPlace(async (place) => {
    const day = 86_400_000;
    await make(place);
    const look = async (at = Date.now()) => checkCertificate({ tlsCert: place.path('gateway.crt'), tlsKey: place.path('gateway.key') } as Settings, at);
    assert.equal((await look()).map(({ verdict }) => verdict), ['ok']);
    for (const [days, verdict, says] of [[3_640, 'warn', /expires on/], [3_651, 'fail', /expired on/], [-1, 'fail', /not valid yet/]] as const) {
      const [finding] = await look(Date.now() + days * day);
      assert.is(finding!.verdict, verdict);
      assert.match(finding!.text, says);
      assert.ok(finding!.action);
    }
    if (posix) {
      chmodSync(place.path('gateway.key'), 0o644);
      assert.match((await look()).at(-1)!.text, /everybody may read the key/);
      chmodSync(place.path('gateway.key'), 0o600);
    }
    writeFileSync(place.path('gateway.key'), certificate().key);
    assert.match((await look())[0]!.text, /CERTIFICATE_INVALID: .* is of another key/);
    const { code, stdout } = await place.run(['doctor', '--json', '--listen', 'tidelocks://127.0.0.1:0', ...SERVE]);
    assert.is(code, 1);
    assert.ok(jsonLines(stdout).some(({ check, verdict }) => check === 'certificate' && verdict === 'fail'));
  }));

test.run();
