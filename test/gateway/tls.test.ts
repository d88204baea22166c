/** TLS between device and gateway: whom a device believes, what a port lets in, and a certificate that changes. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectPlain, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls, createServer as createTlsServer, type ConnectionOptions, type TLSSocket } from 'node:tls';
import * as assert from 'uvu/assert';
import type { TidelockError } from 'tidelock';
import type { Device, DeviceOptions, DeviceState } from 'tidelock/device';
import type { Gateway, GatewayOptions, Refusal } from 'tidelock/gateway';
import { certificate, identity } from '../support/tls.js';
import { advanceUntil, closeAll, codeOf, KEY, listen, makeDevice, portOf, rawSocket, test, TestClock, turns, until } from './support.js';

const CERT = certificate();
const OTHER_PIN = certificate().pin;

async function listenTls(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const gateway = await listen({ listen: 'tidelocks://127.0.0.1:0', tls: identity(CERT), ...options });
  return gateway.on('message', () => undefined); // without a listener messages wait
}

/** The first state that is an end: online, or why not. The device is closed. */
async function outcome(url: string, options: Partial<DeviceOptions>): Promise<DeviceState> {
  const device = makeDevice(url, options);
  const end = (): boolean => device.state.name === 'online' || device.state.name === 'waiting';
  await until('an end', end);
  const { state } = device;
  await device.close({ drain: 0 });
  return state;
}

async function refusedWith(url: string, options: Partial<DeviceOptions>): Promise<TidelockError> {
  const state = await outcome(url, options);
  assert.is(state.name, 'waiting', `it is ${state.name}`);
  return (state as { error: Error }).error as TidelockError;
}

/** Opens TLS to the gateway as a stranger; fulfilled with ALPN's answer, or rejected. */
function strangerTls(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port: portOf(url), rejectUnauthorized: false, ...options }, () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

test('a session over TLS: by a pin, and by an authority', async () => {
  const gateway = await listenTls();
  assert.match(gateway.address, /^tidelocks:\/\/127\.0\.0\.1:\d+$/);
  for (const tls of [{ pins: [CERT.pin] }, { ca: CERT.cert }, { ca: Buffer.from(CERT.cert), pins: [OTHER_PIN, CERT.pin] }]) {
    const device = makeDevice(gateway, { tls });
    const heard: string[] = [];
    gateway.once('message', (message) => void heard.push(message.text()));
    await device.send('21.5 °C').acknowledged;
    assert.equal(heard, ['21.5 °C']);
    assert.is(gateway.device('pump-7')?.link, 'tls');
    await closeAll(device);
    await until('gone', () => gateway.counters().open === 0);
  }
  await closeAll(gateway);
});

test('a name by which the certificate is to be known may differ from the host', async () => {
  const cert = certificate({ names: ['gateway.example'] });
  const gateway = await listenTls({ tls: identity(cert) });
  assert.is((await refusedWith(gateway.address, { tls: { ca: cert.cert } })).code, 'CERTIFICATE_NAME');
  assert.is((await outcome(gateway.address, { tls: { ca: cert.cert, servername: 'gateway.example' } })).name, 'online');
  await closeAll(gateway);
});

test('a certificate that is not good is refused, with an error that says which and what to do', async () => {
  const expired = certificate({ age: 40, days: 30 }), early = certificate({ age: -2 }), foreign = certificate({ names: ['gateway.example', '192.0.2.1'] });
  const cases = [
    { cert: foreign, tls: { ca: foreign.cert }, code: 'CERTIFICATE_NAME', says: /for another name: .*127\.0\.0\.1.*192\.0\.2\.1.*servername/ },
    { cert: expired, tls: { ca: expired.cert }, code: 'CERTIFICATE_EXPIRED', says: /has expired.*Renew it/ },
    { cert: early, tls: { ca: early.cert }, code: 'CERTIFICATE_EXPIRED', says: /is not valid yet.*clock/ },
    { cert: CERT, tls: undefined, code: 'CERTIFICATE_UNTRUSTED', says: /is self-signed.*--ca.*--pin/ },
    { cert: CERT, tls: { ca: foreign.cert }, code: 'CERTIFICATE_UNTRUSTED', says: /is self-signed/ },
    { cert: CERT, tls: { pins: [OTHER_PIN] }, code: 'CERTIFICATE_PIN', says: new RegExp(`has the key ${CERT.pin.replaceAll('+', '\\+')}, which is not pinned`) },
    { cert: CERT, tls: { ca: CERT.cert, pins: [OTHER_PIN] }, code: 'CERTIFICATE_PIN', says: /not pinned/ },
    // With `ca` the pin alone is not enough.
    { cert: expired, tls: { ca: expired.cert, pins: [expired.pin] }, code: 'CERTIFICATE_EXPIRED', says: /has expired/ },
    { cert: CERT, tls: { ca: 'system', pins: [CERT.pin] }, code: 'CERTIFICATE_UNTRUSTED', says: /is self-signed/ },
  ] as const;
  for (const { cert, tls, code, says } of cases) {
    const gateway = await listenTls({ tls: identity(cert) });
    const error = await refusedWith(gateway.address, tls === undefined ? {} : { tls });
    assert.is(error.code, code, error.message);
    assert.match(error.message, says);
    assert.ok(error.message.includes(gateway.address), error.message);
    assert.is(gateway.counters().bytesIn, 0, 'not even a HELLO was sent');
    await closeAll(gateway);
  }
});

test('a pin alone stands for name, dates and authority', async () => {
  const cert = certificate({ names: ['gateway.example'], age: 40, days: 30 });
  const gateway = await listenTls({ tls: identity(cert) });
  assert.is((await outcome(gateway.address, { tls: { pins: [cert.pin] } })).name, 'online');
  await closeAll(gateway);
});

test('a key is changed under two pins: no device is lost, and the old pin is of no use any more', async () => {
  const clock = new TestClock(), next = certificate();
  const gateway = await listenTls({ clock });
  const device = makeDevice(gateway, { clock, tls: { pins: [CERT.pin, next.pin] } });
  await device.online();
  await until('at the gateway', () => gateway.device('pump-7') !== undefined);
  const { session } = gateway.device('pump-7')!;
  await gateway.reloadCertificate(identity(next));
  await device.send('still the same session').acknowledged;
  assert.is(gateway.device('pump-7')!.session, session);
  gateway.disconnect('pump-7');
  await until('waiting', () => device.state.name === 'waiting');
  await advanceUntil(clock, 'online again', () => device.state.name === 'online', device);
  assert.is((await refusedWith(gateway.address, { tls: { pins: [CERT.pin] } })).code, 'CERTIFICATE_PIN');
  await closeAll(device, gateway);
});

test('files of a certificate are watched; a pair that does not fit leaves the old one in place, and is told once', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidelock-tls-')), certFile = path.join(folder, 'cert.pem'), keyFile = path.join(folder, 'key.pem');
  const write = (file: string, text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  write(certFile, CERT.cert);
  write(keyFile, CERT.key);
  const clock = new TestClock(), errors: TidelockError[] = [];
  const gateway = await listenTls({ clock, tls: { certFile, keyFile } });
  gateway.on('error', (error) => void errors.push(error as TidelockError));
  const served = async (): Promise<string> => ((await refusedWith(gateway.address, { tls: { pins: [OTHER_PIN] } })).details as { found: string }).found;
  /** Its looks are real reads of files, which take turns of the loop. */
  const pass = async (looks: number): Promise<void> => {
    for (let i = 0; i < looks; i++) {
      await clock.advance(10_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  assert.is(await served(), CERT.pin);
  const next = certificate();
  write(certFile, next.cert);
  for (let i = 0; i < 50 && errors.length === 0; i++) await pass(1);
  await pass(5);
  assert.equal(errors.map(({ code }) => code), ['CERTIFICATE_INVALID']);
  assert.match(errors[0]!.message, /is of another key than/);
  assert.is(await served(), CERT.pin);
  write(keyFile, next.key);
  let found = '';
  for (let i = 0; i < 50 && found !== next.pin; i++) {
    await pass(1);
    found = await served();
  }
  assert.is(found, next.pin);
  write(certFile, 'nothing');
  assert.is(await codeOf(gateway.reloadCertificate()), 'CERTIFICATE_INVALID');
  rmSync(folder, { recursive: true });
  assert.is(await codeOf(gateway.reloadCertificate()), 'CERTIFICATE_UNREADABLE');
  assert.is(await served(), next.pin);
  await closeAll(gateway);
});

test('inside TLS suites have a policy of their own, at both ends', async () => {
  const gateway = await listen({
    listen: ['tidelocks://127.0.0.1:0', 'tidelock://127.0.0.1:0'], tls: identity(CERT), suites: ['sealed', 'signed'], suitesTls: ['signed-8'],
  });
  const [secure = '', plain = ''] = gateway.addresses;
  const suite = async (url: string, options: Partial<DeviceOptions>): Promise<string> => {
    const state = await outcome(url, options);
    return state.name === 'online' ? state.suite : ((state as { error?: Error }).error as TidelockError).code;
  };
  const tls = { pins: [CERT.pin] };
  assert.is(await suite(secure, { tls }), 'signed-8'); // offered because the certificate was verified
  assert.is(await suite(plain, {}), 'sealed'); // and not offered here
  assert.is(await suite(secure, { tls, suitesTls: ['sealed', 'signed'] }), 'HANDSHAKE_CLOSED');
  assert.is(await suite(plain, { suites: ['signed-8'] }), 'HANDSHAKE_CLOSED');
  await closeAll(gateway);
});

test('the link is part of the proof: TLS that ends before the gateway is found out', async () => {
  const gateway = await listen({ suites: ['sealed', 'signed', 'signed-8'] });
  const refusals: Refusal[] = [];
  gateway.on('refused', (refusal) => refusals.push(refusal));
  const front = createTlsServer({ cert: CERT.cert, key: CERT.key, ALPNProtocols: ['tidelock/1'] }, (socket) => {
    const behind = connectPlain(portOf(gateway.address), '127.0.0.1');
    for (const end of [socket, behind]) end.on('error', () => undefined);
    socket.pipe(behind).pipe(socket);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const url = `tidelocks://127.0.0.1:${(front.address() as AddressInfo).port}`;
  assert.is((await refusedWith(url, { tls: { pins: [CERT.pin] } })).code, 'HANDSHAKE_CLOSED');
  assert.equal(refusals.map(({ reason }) => reason), ['bad hello']);
  await closeAll(gateway);
  await new Promise((resolve) => front.close(resolve));
});

test('another protocol inside TLS is refused at both ends', async () => {
  const gateway = await listenTls();
  assert.is(await codeOf(strangerTls(gateway.address, { ALPNProtocols: ['http/1.1'] })), 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  await until('counted', () => gateway.counters().refused['TLS handshake failed'] === 1);
  assert.is(gateway.counters().open, 0);
  for (const ALPNProtocols of [['http/1.1'], []]) {
    const server = createTlsServer({ cert: CERT.cert, key: CERT.key, ...(ALPNProtocols.length > 0 ? { ALPNProtocols } : {}) });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `tidelocks://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.is((await refusedWith(url, { tls: { pins: [CERT.pin] } })).code, 'TLS_PROTOCOL');
    await new Promise((resolve) => server.close(resolve));
  }
  await closeAll(gateway);
});

test('TLS before 1.2 is refused', async () => {
  const gateway = await listenTls();
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  assert.match(await codeOf(strangerTls(gateway.address, old)), /PROTOCOL_VERSION|UNSUPPORTED/);
  const socket = await strangerTls(gateway.address, { maxVersion: 'TLSv1.2' });
  assert.is(socket.getProtocol(), 'TLSv1.2');
  socket.destroy();
  await closeAll(gateway);
});

test('a device without TLS at a port with TLS alone hears so, and the other way round', async () => {
  const secure = await listenTls(), plain = await listen();
  const swap = (url: string, scheme: string): string => `${scheme}://127.0.0.1:${portOf(url)}`;
  const expected = await refusedWith(swap(secure.address, 'tidelock'), {});
  assert.is(expected.code, 'TLS_EXPECTED');
  assert.match(expected.message, /tidelocks:\/\//);
  assert.is(secure.counters().refused['plain at a TLS port'], 1);
  const failed = await refusedWith(swap(plain.address, 'tidelocks'), { tls: { pins: [CERT.pin] } });
  assert.is(failed.code, 'TLS_FAILED');
  assert.match(failed.message, /speaks TLS/);
  assert.is(plain.counters().refused['TLS at a plain port'], 1);
  assert.is(secure.counters().open + plain.counters().open, 0);
  await closeAll(secure, plain);
});

test('one port has both, and what speaks neither is turned away', async () => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const urls = [`tidelock://127.0.0.1:${port}`, `tidelocks://127.0.0.1:${port}`];
  const gateway = await listen({ listen: urls, tls: identity(CERT), devices: { 'pump-7': KEY, other: KEY } });
  assert.equal(gateway.addresses, urls);
  const secure = makeDevice(urls[1]!, { tls: { pins: [CERT.pin] } }), plain = makeDevice(urls[0]!, { id: 'other' });
  await Promise.all([secure.online(), plain.online()]);
  await until('both', () => gateway.counters().online === 2);
  assert.equal([gateway.device('pump-7')?.link, gateway.device('other')?.link], ['tls', 'tcp']);
  for (const first of ['GET / HTTP/1.1\r\n\r\n', '\0', '\x13']) {
    const before = gateway.counters().refused['another protocol'] ?? 0;
    const socket = await rawSocket(gateway.address);
    socket.write(first);
    await until('turned away', () => gateway.counters().refused['another protocol'] === before + 1);
    socket.destroy();
  }
  // Inside TLS the first byte tells once more.
  const inside = await strangerTls(gateway.address);
  inside.write('GET / HTTP/1.1\r\n\r\n');
  await until('turned away', () => gateway.counters().refused['another protocol'] === 4);
  assert.is(gateway.counters().open, 2);
  await closeAll(secure, plain, gateway);
});

test('who says nothing, or half a ClientHello, or nothing inside TLS, keeps nobody out and has ten seconds', async () => {
  const clock = new TestClock();
  const gateway = await listenTls({ clock, limits: { halfOpen: 30 } });
  const sockets: { destroy(): void }[] = [];
  for (let i = 0; i < 30; i++) {
    const socket = await (i % 3 === 2 ? strangerTls(gateway.address) : rawSocket(gateway.address));
    if (i % 3 === 1) socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1])); // of 512 bytes
    sockets.push(socket);
  }
  await until('all there', () => gateway.counters().halfOpen === 30);
  const device: Device = makeDevice(gateway, { clock, tls: { pins: [CERT.pin] } });
  await device.online();
  assert.is(gateway.counters().gaveWay, 1);
  await clock.advance(9_000);
  assert.is(gateway.counters().halfOpen, 29);
  await clock.advance(1_500);
  assert.is(gateway.counters().halfOpen, 0);
  assert.is(gateway.counters().open, 1);
  assert.is(gateway.counters().refused['no proof in time'], 29);
  await device.send('it goes on').acknowledged;
  for (const socket of sockets) socket.destroy();
  await closeAll(device, gateway);
});

test('a handshake that is spoiled anywhere ends the connection, and nothing else', async () => {
  const gateway = await listenTls();
  const hello = await recordedHello();
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(hello);
    for (let i = 0; i <= random(4); i++) bytes[1 + random(bytes.length - 1)] = random(256);
    const socket = await rawSocket(gateway.address);
    socket.resume();
    socket.write(bytes.subarray(0, 1 + random(bytes.length)));
    socket.end();
    if (round % 20 === 19) await until('all gone', () => gateway.counters().open === 0);
  }
  assert.is(gateway.counters().sessions, 0);
  assert.is((await outcome(gateway.address, { tls: { pins: [CERT.pin] } })).name, 'online');
  await closeAll(gateway);
});

test('what does not fit is named before anything listens or connects', async () => {
  const tls = identity(CERT);
  assert.is(await codeOf(listen({ listen: 'tidelocks://127.0.0.1:0' })), 'BAD_OPTION');
  assert.is(await codeOf(listen({ tls })), 'BAD_OPTION');
  assert.is(await codeOf(listenTls({ tls: { cert: CERT.cert, key: certificate().key } })), 'CERTIFICATE_INVALID');
  assert.is(await codeOf(listenTls({ tls: { cert: CERT.cert, key: 'nothing' } })), 'CERTIFICATE_INVALID');
  assert.is(await codeOf(listenTls({ tls: { certFile: '/nonexistent/cert.pem' } })), 'CERTIFICATE_UNREADABLE');
  const of = (url: string, options: Partial<DeviceOptions>): Promise<string> => codeOf(Promise.resolve().then(() => makeDevice(url, { start: false, ...options })));
  assert.is(await of('tidelock://127.0.0.1', { tls: { pins: [CERT.pin] } }), 'BAD_OPTION');
  assert.is(await of('tidelocks://127.0.0.1', { tls: { pins: ['sha256/short'] } }), 'BAD_OPTION');
  assert.is(await of('tidelocks://127.0.0.1', { tls: { ca: 'nothing' } }), 'BAD_OPTION');
  assert.is(await of('tidelocks://127.0.0.1', { tls: { servername: '127.0.0.1' } }), 'BAD_OPTION');
  try {
    await listenTls({ tls: { cert: CERT.cert, key: 'c2VjcmV0' } });
  } catch (error) {
    assert.not.match((error as Error).message, /c2VjcmV0/, 'no key in a message');
  }
  await turns(1);
});

/** The bytes with which a TLS client begins. */
function recordedHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.once('data', (chunk) => {
        socket.destroy();
        server.close(() => resolve(chunk));
      });
    });
    server.listen(0, '127.0.0.1', () => {
      connectTls({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ALPNProtocols: ['tidelock/1'] }).on('error', () => undefined);
    });
  });
}

test.run();
