// The Python package IOTSocket, unchanged, in both roles, plain and inside TLS. Real sockets and the real clock: what the
// package does at a moment is its own affair, so these tests wait for what it tells.

import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Message } from 'tidelock/gateway';
import { IotsocketDevice } from 'tidelock/legacy';
import { test as uvuTest } from 'uvu';
import { closeAll, portOf, test as plainTest, until } from '../../gateway/support.js';
import { foundPython } from '../../support/python.js';
import { skip, skipMissing } from '../../support/skip.js';
import { certificate, identity } from '../../support/tls.js';
import { ACCOUNTS, ID, KEY } from './frames.js';
import { Python } from './python.js';
import { listenIotsocket } from './support.js';

const test = foundPython('IOTSocket') ? plainTest : skipMissing(uvuTest, 'IOTSocket (pip)');
/** The client calls a function that Python 3.12 no longer has. */
const clientTest = !foundPython('IOTSocket') || foundPython('ssl; ssl.wrap_socket') ? test : skip(uvuTest, 'the client of IOTSocket 1.0 has TLS on Python below 3.12 only');
const SECOND = '1234567891';

/** A certificate in files, as Python wants it. */
async function inFiles<T>(work: (files: { cert: string; key: string }, made: ReturnType<typeof certificate>) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidelock-iotsocket-'));
  try {
    const made = certificate(), files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
    writeFileSync(files.cert, made.cert);
    writeFileSync(files.key, made.key, { mode: 0o600 });
    return await work(files, made);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const secure of [false, true]) {
  const kind = secure ? 'TLS' : 'plain';

  (secure ? clientTest : test)(`the Python client at our gateway, ${kind}`, () => inFiles(async (files, made) => {
    const iotsocket = { devices: ACCOUNTS, ...(secure ? { listen: 'iotsockets://127.0.0.1:0' } : {}) };
    const gateway = await listenIotsocket(undefined, { legacy: { iotsocket }, ...(secure ? { tls: identity(made) } : {}) });
    const taken: Message[] = [], refusals: string[] = [];
    gateway.on('message', (message) => taken.push(message));
    gateway.on('refused', ({ reason }) => refusals.push(reason));
    const client = Python.run('client'), port = portOf(gateway.addresses.at(-1)!);
    try {
      assert.deepEqual(await client.ask({ connect: ['127.0.0.1', port, ID, KEY, secure ? files.cert : null] }), { ok: true });
      const bodies = ['temp=33.5&humid=40%', 'grüße €😀 from Python', ' white space ', 'a|#|delimiter inside', 'w'.repeat(15_000), ...(secure ? [] : ['x'.repeat(59_999)])];
      for (const body of bodies) assert.deepEqual(await client.ask({ send: body }), { ok: true });
      await until('all messages, or a refusal', () => taken.length === bodies.length || refusals.length > 0);
      assert.deepEqual(refusals, []);
      assert.deepEqual(taken.map((message) => message.text()), bodies.map((body) => body.replace('|#|', '').trim()));
      assert.ok(taken.every(({ device, trust, time }) => device === ID && trust === (secure ? 'tls' : 'none') && Math.abs(time - Date.now()) < 60_000));

      for (const body of ['ON SWITCH 1', 'grüße €', 'z'.repeat(15_000)]) {
        assert.equal(gateway.post(ID, body), true);
        assert.deepEqual(await client.ask({ receive: true }), { received: body });
      }
      // Asked for at once: the client would lose the second where they came together.
      for (const body of ['one after', 'the other']) assert.equal(gateway.post(ID, body), true);
      const got: (string | undefined)[] = [];
      while (got.length < 2) {
        const { received, raised } = await client.ask({ receive: true });
        assert.equal(raised, undefined);
        if (received !== '') got.push(received);
      }
      assert.deepEqual(got, ['one after', 'the other']);
    } finally {
      await client.end();
      await closeAll(gateway);
    }
  }));

  (secure ? clientTest : test)(`the Python client with a wrong key, ${kind}: closed without a byte, and told in the log`, () => inFiles(async (files, made) => {
    const iotsocket = { devices: ACCOUNTS, ...(secure ? { listen: 'iotsockets://127.0.0.1:0' } : {}) };
    const gateway = await listenIotsocket(undefined, { legacy: { iotsocket }, ...(secure ? { tls: identity(made) } : {}) });
    const refusals: string[] = [];
    gateway.on('refused', ({ reason }) => refusals.push(reason));
    const client = Python.run('client');
    try {
      await client.ask({ connect: ['127.0.0.1', portOf(gateway.addresses.at(-1)!), ID, 'wrong', secure ? files.cert : null] });
      await client.ask({ send: 'hello there' });
      await until('the refusal', () => refusals.length === 1);
      assert.deepEqual(refusals, ['bad key']);
      const { received, raised } = await client.ask({ receive: true });
      assert.ok(received === '' || raised !== undefined, `it got ${received}`);
    } finally {
      await client.end();
      await closeAll(gateway);
    }
  }));

  test(`our device at the Python server, ${kind}`, () => inFiles(async (files, made) => {
    const server = Python.run('server', JSON.stringify(ACCOUNTS), ...(secure ? [files.cert, files.key] : []));
    const { port } = await server.next();
    const device = new IotsocketDevice({
      url: `${secure ? 'iotsockets' : 'iotsocket'}://127.0.0.1:${port}`, id: ID, key: KEY, greeting: 'hello there', ...(secure ? { tls: { ca: made.cert } } : {}),
    });
    const taken: string[] = [];
    device.on('message', (message) => taken.push(`${message.trust} ${message.text()}`));
    try {
      assert.deepEqual(await server.next(), { message: 'hello there', device: Number(ID) });
      const bodies = ['temp=33.5&humid=40%', 'grüße €😀 from here', 'w'.repeat(12_000)];
      for (const body of bodies) {
        assert.equal(device.post(body), true);
        assert.deepEqual(await server.next(), { message: body, device: Number(ID) });
      }
      server.say([`${ID} ON SWITCH 1`]);
      await until('the push', () => taken.length === 1);
      // Two lists: two frames, which may come in one read.
      server.say([`${ID} first`]);
      server.say([`${ID} second`]);
      await until('both', () => taken.length === 3);
      assert.deepEqual(taken, ['ON SWITCH 1', 'first', 'second'].map((body) => `${secure ? 'tls' : 'none'} ${body}`));
    } finally {
      device.close();
      await server.end();
    }
  }));

  test(`our device with a wrong key at the Python server, ${kind}: an error that says what to look at`, () => inFiles(async (files, made) => {
    const server = Python.run('server', JSON.stringify(ACCOUNTS), ...(secure ? [files.cert, files.key] : []));
    const { port } = await server.next();
    const device = new IotsocketDevice({
      url: `${secure ? 'iotsockets' : 'iotsocket'}://127.0.0.1:${port}`, id: ID, key: 'wrong', greeting: 'hello there', ...(secure ? { tls: { ca: made.cert } } : {}),
    });
    const troubles: string[] = [];
    device.on('trouble', ({ code }) => troubles.push(code));
    try {
      await until('the trouble', () => troubles.length > 0);
      assert.equal(troubles[0], 'IOTSOCKET_CLOSED');
      assert.match((await server.next()).closed!, /key/i);
    } finally {
      device.close();
      await server.end();
    }
  }));
}

test('two Python clients at once, and a third that is one of them: the first stays', async () => {
  const gateway = await listenIotsocket(undefined);
  const clients = [ID, SECOND, ID].map(() => Python.run('client')), refusals: string[] = [];
  gateway.on('refused', ({ reason }) => refusals.push(reason));
  try {
    const connect = (i: number, id: string) => clients[i]!.ask({ connect: ['127.0.0.1', portOf(gateway.address), id, KEY, null] });
    for (const [i, id] of [ID, SECOND].entries()) {
      await connect(i, id);
      await clients[i]!.ask({ send: 'login message' });
    }
    await until('both', () => gateway.counters().online === 2);
    await connect(2, ID);
    await clients[2]!.ask({ send: 'login message' });
    await until('the refusal', () => refusals.length === 1);
    assert.deepEqual(refusals, ['already connected']);
    for (const [i, id] of [ID, SECOND].entries()) {
      assert.equal(gateway.post(id, `for number ${i}`), true);
      assert.deepEqual(await clients[i]!.ask({ receive: true }), { received: `for number ${i}` });
    }
  } finally {
    for (const client of clients) await client.end();
    await closeAll(gateway);
  }
});

uvuTest.run();
