/** The port of metrics and health: what it answers, and that nobody can hold it or grow it. */
import { connect, createServer, type AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { HttpServer, isLoopback, parseHttpAddress } from 'tidelock/http';
import { closeAll, codeOf, listen, portOf, test } from '../gateway/support.js';
import { open } from '../registry/support.js';
import { Readiness } from '../../dist/host/http/readiness.js';
import { read } from './parser.js';

/** All that comes for these bytes, until the server closes. */
function answer(url: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(portOf(url), '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}

test('addresses', () => {
  assert.equal(parseHttpAddress('9433'), { host: '127.0.0.1', port: 9433 });
  assert.equal(parseHttpAddress('0.0.0.0:9433'), { host: '0.0.0.0', port: 9433 });
  assert.equal(parseHttpAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.equal(parseHttpAddress('localhost:1'), { host: 'localhost', port: 1 });
  for (const bad of ['', ':', 'host', 'host:', ':1', '::1:9433', '[::1]', '[x]:1', '1:65536', '1:-1', 'http://a:1', 'a b:1', '1:1 ']) {
    assert.is(parseHttpAddress(bad), undefined, bad);
  }
  assert.equal(['127.0.0.1', '127.8.8.8', '::1', 'localhost', '0.0.0.0', '::', '10.0.0.1'].map(isLoopback), [true, true, true, true, false, false, false]);
});

test('metrics in the form that was asked for, health, readiness', async () => {
  const registry = await open();
  const gateway = await listen({ registry });
  const http = await HttpServer.listen(gateway, { port: 0, registry, version: '0.1.0' });
  const plain = await fetch(`${http.url}/metrics`);
  assert.is(plain.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.is(read(await plain.text(), 'prometheus').samples.get('tidelock_database_up'), 1);
  const asked = await fetch(`${http.url}/metrics?x=1`, { headers: { accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3' } });
  assert.match(asked.headers.get('content-type')!, 'application/openmetrics-text; version=1.0.0');
  read(await asked.text(), 'openmetrics');
  assert.equal(await (await fetch(`${http.url}/healthz`)).text(), 'alive\n');
  const ready = await fetch(`${http.url}/readyz`);
  assert.equal([ready.status, await ready.text()], [200, 'ready\n']);
  await closeAll(gateway);
  const closed = await fetch(`${http.url}/readyz`);
  assert.equal([closed.status, await closed.text()], [503, 'closing\n']);
  assert.is((await fetch(`${http.url}/healthz`)).status, 200);
  await http.close();
  await registry.close();
});

test('not ready: about to close, and a database that does not commit, which is asked again only after a while', async () => {
  const gateway = await listen();
  let probes = 0;
  let failure: Error | undefined = Object.assign(new Error('disk is full'), { code: 'DATABASE_FAILED' });
  const readiness = new Readiness(gateway, {
    probe: async () => {
      probes += 1;
      if (failure !== undefined) throw failure;
    },
  });
  assert.is(await readiness.fault(0), 'database: DATABASE_FAILED');
  failure = undefined;
  assert.is(await readiness.fault(4_999), 'database: DATABASE_FAILED');
  assert.is(probes, 1, 'who asks often costs one flush in 5 s');
  assert.is(await readiness.fault(5_000), undefined);
  readiness.closing = true;
  assert.is(await readiness.fault(5_001), 'closing');
  await closeAll(gateway);
});

test('a probe commits, and says so where it cannot', async () => {
  const registry = await open();
  const { transactions } = await registry.info();
  await registry.probe();
  assert.is((await registry.info()).transactions, transactions + 2, 'the probe, and the question before');
  await registry.close();
  assert.is.not(await codeOf(registry.probe()), 'fulfilled');
});

test('only GET, only three paths, nothing that is no HTTP', async () => {
  const gateway = await listen();
  const http = await HttpServer.listen(gateway, { port: 0 });
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']) {
    assert.match(await answer(http.url, `${method} /metrics HTTP/1.1\r\nHost: a\r\n\r\n`), /^HTTP\/1\.1 405 [^]*Allow: GET, HEAD\r\n/, method);
  }
  for (const path of ['/', '/metrics/', '//metrics', '/metrics/../healthz', '/%6detrics', '*']) {
    assert.match(await answer(http.url, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 404 /, path);
  }
  assert.match(await answer(http.url, 'HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
  assert.match(await answer(http.url, 'GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nshort'), /^HTTP\/1\.1 200 [^]*Connection: close\r\n/);
  assert.match(await answer(http.url, '\x80\x81\x82\x83\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await answer(http.url, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.is(await answer(http.url, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'), '');
  assert.is((await fetch(`${http.url}/healthz`)).status, 200, 'and it goes on');
  await closeAll(gateway);
  await http.close();
});

test('many at once are few, and one that is silent or does not read is no hindrance to the end', async () => {
  const gateway = await listen();
  const http = await HttpServer.listen(gateway, { port: 0 });
  const sockets = Array.from({ length: 100 }, () => connect(portOf(http.url), '127.0.0.1').on('error', () => undefined));
  let closed = 0;
  for (const socket of sockets) socket.on('close', () => (closed += 1)).resume();
  while (closed < 68) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.is(closed, 68, '32 may hold a connection');
  await http.close();
  while (closed < 100) await new Promise((resolve) => setImmediate(resolve));
  await closeAll(gateway);
});

test('a port that is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const gateway = await listen();
  assert.is(await codeOf(HttpServer.listen(gateway, { port: (other.address() as AddressInfo).port })), 'LISTEN_FAILED');
  other.close();
  await closeAll(gateway);
});

test.run();
