/** The control socket: who may use it, what it bounds, what it leaves behind. Real sockets, handlers of the test. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ControlClient } from '../../dist/host/cli/control/client.js';
import { bindablePath, defaultControlPath } from '../../dist/host/cli/control/path.js';
import { LARGEST_LINE } from '../../dist/host/cli/control/protocol.js';
import { ControlServer, type ControlBounds, type Handlers } from '../../dist/host/cli/control/server.js';
import { skip } from '../support/skip.js';

const posix = process.platform !== 'win32';
const test = suite('control socket');
const onPosix = posix ? test : skip(test, 'signals, modes and sockets in the file system are POSIX');
const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-control-'));
const servers: ControlServer[] = [];
test.after.each(async () => {
  for (const server of servers.splice(0)) await server.close();
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
const freshPath = (): string => defaultControlPath(path.join(folder, `gateway-${(count += 1)}.db`));

const unused = async (): Promise<never> => {
  throw new Error('not part of this test');
};
const base: Handlers = {
  status: unused, send: unused, 'devices.add': unused, 'devices.enable': unused, 'devices.disable': unused, 'devices.list': unused,
  'devices.keys': unused, 'devices.rotate': unused, 'devices.retire': unused, 'devices.revoke': unused,
  'queue.list': unused, 'queue.cancel': unused, watch: unused, 'devices.subscribe': unused, 'devices.unsubscribe': unused, 'devices.subscriptions': unused,
  'rules.list': unused, 'rules.add': unused, 'rules.remove': unused,
  'dead-letters.list': unused, 'dead-letters.retry': unused, 'entities.announce': unused, 'entities.unannounce': unused, 'entities.list': unused,
};

const entry = { identity: '', enabled: true, added: 0, queued: 0, inbox: 0 };

async function serve(handlers: Partial<Handlers>, bounds?: ControlBounds, at = freshPath()): Promise<string> {
  servers.push(await ControlServer.listen(at, { ...base, ...handlers }, bounds));
  return at;
}

async function connect(at: string): Promise<ControlClient> {
  const client = await ControlClient.connect(at);
  assert.ok(client);
  return client;
}

/** A client of its own, that says what it likes. */
async function raw(at: string): Promise<{ socket: net.Socket; lines: () => Promise<Record<string, unknown>[]> }> {
  const socket = net.connect(at);
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(socket, 'close');
  return {
    socket,
    lines: async () => {
      await ended;
      return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    },
  };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'no error';
}

test('a call, its events in order, and its result', async () => {
  const at = await serve({
    'devices.list': async (_, call) => {
      for (const identity of ['a', 'b', 'c']) await call.event('device', { ...entry, identity });
      return { count: 3 };
    },
  });
  const client = await connect(at);
  const seen: string[] = [];
  assert.equal(await client.call('devices.list', {}, ({ identity }) => seen.push(identity)), { count: 3 });
  assert.equal(seen, ['a', 'b', 'c']);
  client.close();
});

test('an error keeps its code', async () => {
  const at = await serve({
    'devices.enable': async () => {
      throw Object.assign(new Error('x'), { code: 'DEVICE_UNKNOWN', problem: 'there is no device x', action: 'Add it.' });
    },
  });
  const client = await connect(at);
  assert.is(await codeOf(client.call('devices.enable', { identity: 'x' })), 'DEVICE_UNKNOWN');
  client.close();
});

onPosix('socket and folder are for the owner alone, whatever the umask', async () => {
  const before = process.umask(0);
  try {
    const at = await serve({});
    assert.is(statSync(at).mode & 0o777, 0o600);
    assert.is(statSync(path.dirname(at)).mode & 0o777, 0o700);
    assert.is(process.umask(), 0);
  } finally {
    process.umask(before);
  }
});

onPosix('a folder that others may write to is refused', async () => {
  const shared = path.join(folder, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  assert.is(await codeOf(serve({}, undefined, path.join(shared, 'gateway.sock'))), 'CONTROL_PATH');
});

test('a second gateway is refused, and the first goes on', async () => {
  const at = await serve({ 'devices.list': async () => ({ count: 0 }) });
  assert.is(await codeOf(serve({}, undefined, at)), 'GATEWAY_RUNNING');
  const client = await connect(at);
  assert.equal(await client.call('devices.list', {}), { count: 0 });
  client.close();
});

onPosix('what a killed gateway left behind is replaced', async () => {
  const at = freshPath();
  mkdirSync(path.dirname(at), { mode: 0o700 });
  const script = `require('net').createServer().listen(${JSON.stringify(at)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(existsSync(at), 'the killed process left its socket');
  assert.is(await ControlClient.connect(at), undefined);
  await serve({ 'devices.list': async () => ({ count: 0 }) }, undefined, at);
  const client = await connect(at);
  assert.equal(await client.call('devices.list', {}), { count: 0 });
  client.close();
});

onPosix('a file that is no socket is not removed', async () => {
  const at = freshPath();
  mkdirSync(path.dirname(at), { mode: 0o700 });
  writeFileSync(at, 'precious');
  assert.is(await codeOf(serve({}, undefined, at)), 'GATEWAY_RUNNING');
  assert.is(statSync(at).size, 8);
});

test('no gateway: undefined, not an error', async () => {
  assert.is(await ControlClient.connect(freshPath()), undefined);
});

test('closing removes the socket and ends those who wait', async () => {
  let started = (): void => undefined;
  const begun = new Promise<void>((resolve) => (started = resolve));
  const at = await serve({
    send: async (_, call) => {
      started();
      await once(call.signal, 'abort');
      return { message: '' };
    },
  });
  const client = await connect(at);
  const waiting = codeOf(client.call('send', { identity: 'a', body: '' }));
  await begun;
  await servers.pop()!.close();
  assert.is(await waiting, 'CONTROL_FAILED');
  if (posix) assert.not(existsSync(at));
});

test('lines that are no requests get their reason, and the connection is closed', async () => {
  const at = await serve({});
  const cases: [string, RegExp][] = [
    ['hello\n', /no JSON/],
    ['[]\n', /no JSON object/],
    ['{"v":2,"id":1,"op":"status"}\n', /version 2 of the control protocol; this is version 1/],
    ['{"v":1,"id":"1","op":"status"}\n', /"id"/],
    ['{"v":1,"id":1}\n', /"op"/],
    ['{"v":1,"id":1,"op":"status","params":[]}\n', /"params"/],
    [`${' '.repeat(LARGEST_LINE + 2)}`, /more than 32768 bytes/],
  ];
  for (const [line, reason] of cases) {
    const { socket, lines } = await raw(at);
    socket.write(line);
    const reply = (await lines()).at(0) ?? {};
    assert.is((reply['error'] as { code: string }).code, 'CONTROL_FAILED');
    assert.match((reply['error'] as { problem: string }).problem, reason);
  }
});

test('names that every object has are no operations', async () => {
  const at = await serve({});
  for (const op of ['constructor', '__proto__', 'toString', 'nothing']) {
    const { socket, lines } = await raw(at);
    socket.end(`{"v":1,"id":5,"op":${JSON.stringify(op)}}\n`);
    const reply = (await lines()).at(0) ?? {};
    assert.is(reply['id'], 5);
    assert.match((reply['error'] as { problem: string }).problem, /does not know the operation/);
  }
});

test('connections are bounded, and a place that is given back can be taken', async () => {
  const at = await serve({ 'devices.list': async () => ({ count: 0 }) }, { connections: 2 });
  const first = await connect(at);
  const second = await connect(at);
  await first.call('devices.list', {});
  await second.call('devices.list', {});
  const third = await raw(at);
  assert.equal(await third.lines(), []);
  first.close();
  for (;;) {
    const again = await connect(at);
    const code = await codeOf(again.call('devices.list', {}));
    again.close();
    if (code === 'no error') break;
    assert.is(code, 'CONTROL_FAILED');
  }
  second.close();
});

test('requests at once are bounded; the others are served later, none is lost', async () => {
  let running = 0;
  let most = 0;
  let answered = 0;
  const gates: (() => void)[] = [];
  const at = await serve(
    {
      'devices.list': async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => gates.push(resolve));
        running -= 1;
        return { count: (answered += 1) };
      },
    },
    { requests: 3 },
  );
  const client = await connect(at);
  const calls = Array.from({ length: 20 }, () => client.call('devices.list', {}));
  const all = Promise.all(calls);
  let over = false;
  void all.then(() => (over = true));
  while (!over) {
    gates.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.is(answered, 20);
  assert.is(most, 3);
  client.close();
});

test('a client that does not read holds up its own list, with bounded memory', async () => {
  let sent = 0;
  let aborted = false;
  const at = await serve({
    'devices.list': async (_, call) => {
      call.signal.addEventListener('abort', () => (aborted = true));
      while (!call.signal.aborted && sent < 1_000_000) {
        await call.event('device', { ...entry, identity: 'x'.repeat(1000) });
        sent += 1;
      }
      return { count: sent };
    },
  });
  const socket = net.connect(at);
  await once(socket, 'connect');
  socket.pause();
  socket.write('{"v":1,"id":1,"op":"devices.list"}\n');
  // It stalls: as long as it goes on sending, wait; three looks without progress are a stall.
  for (let before = -1, still = 0; still < 3; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    still = sent > 0 && sent === before ? still + 1 : 0;
    before = sent;
  }
  assert.ok(sent < 10_000, `${sent} lines were taken for a client that reads none`);
  socket.destroy();
  while (!aborted) await new Promise((resolve) => setImmediate(resolve));
});

test('an idle client is let go, a waiting one is not', async () => {
  let finish = (): void => undefined;
  const at = await serve(
    { send: async () => (await new Promise<void>((resolve) => (finish = resolve)), { message: 'm' }) },
    { idle: 30 },
  );
  const idle = await raw(at);
  const client = await connect(at);
  const waiting = client.call('send', { identity: 'a', body: '' });
  assert.equal(await idle.lines(), []);
  finish();
  assert.equal(await waiting, { message: 'm' });
  client.close();
});

test('paths: beside the database, one for all links to it, bounded by the system', () => {
  const database = path.join(folder, 'x.db');
  if (posix) {
    assert.is(defaultControlPath(database), path.join(folder, 'x.db.control', 'gateway.sock'));
    assert.throws(() => bindablePath(`/${'d'.repeat(200)}`), (error: { code: string }) => error.code === 'CONTROL_PATH');
  }
  assert.match(defaultControlPath('C:\\x.db', 'win32'), /^\\\\\.\\pipe\\tidelock-[0-9a-f]{32}$/);
});

test.run();
