// With a registry: what an IoTSocket device says stands in the inbox, with its trust, once it is committed, and never twice.

import { strict as assert } from 'node:assert';
import { connect } from 'node:tls';
import { TidelockError } from 'tidelock';
import { Gateway, type GatewayOptions, type InboxMessage, type PassingMessage } from 'tidelock/gateway';
import { iotsocketKey } from 'tidelock/legacy';
import { openRegistry, type Registry, type RegistryLimits } from 'tidelock/registry';
import { closeAll, portOf, test, until } from '../../gateway/support.js';
import { certificate, identity } from '../../support/tls.js';
import { fromClient, ID, KEY, stamp } from './frames.js';
import { Peer } from './support.js';

async function place(options: Partial<GatewayOptions> = {}, limits: RegistryLimits = {}): Promise<{ registry: Registry; gateway: Gateway; logged: string[]; close(): Promise<void> }> {
  const registry = await openRegistry('sqlite::memory:', { thread: false, limits });
  await registry.add(ID, { protocol: 'iotsocket', key: iotsocketKey(ID, KEY) });
  const logged: string[] = [];
  const logger = { debug: () => undefined, info: () => undefined, error: () => undefined, warn: (fields: object, text: string) => void logged.push(`${text} ${JSON.stringify(fields)}`) };
  const gateway = await Gateway.listen({ listen: 'tidelock://127.0.0.1:0', registry, legacy: { iotsocket: {} }, logger, ...options });
  return {
    registry, gateway, logged,
    close: async () => {
      await closeAll(gateway);
      await registry.close();
    },
  };
}

let last = 0;
/** A frame with a stamp of its own, as of a client that says one after the other. */
function frame(body: string): string {
  last = Math.max(last + 0.2, Date.now());
  return fromClient({ time: stamp(last) }, body);
}

async function read(gateway: Gateway, count: number): Promise<InboxMessage[]> {
  const messages: InboxMessage[] = [];
  for await (const message of gateway.messages()) if (messages.push(message) === count) break;
  return messages;
}

test('messages in order, each with a name of its own and trust none; done, they come no more', async () => {
  const { registry, gateway, close } = await place();
  const passed: PassingMessage[] = [], heard: string[] = [];
  gateway.on('passing', (message) => passed.push(message));
  gateway.on('message', (message) => heard.push(message.text()));
  const peer = await Peer.open(gateway.address);
  peer.say(frame('login message') + frame('temp=21.5') + frame('temp=22.0'));
  const messages = await read(gateway, 3);
  assert.deepEqual(messages.map((message) => [message.device, message.text(), message.trust]), [[ID, 'login message', 'none'], [ID, 'temp=21.5', 'none'], [ID, 'temp=22.0', 'none']]);
  assert.match(messages[0]!.id, new RegExp(`^${ID}#[0-9a-f]{8}-1$`));
  assert.equal(new Set(messages.map(({ id }) => id)).size, 3);
  assert.deepEqual(passed.map(({ id, trust }) => [id, trust]), messages.map(({ id }) => [id, 'none']), 'those who watch see what is committed');
  assert.deepEqual(heard, [], 'what is in the inbox comes by messages() alone');
  await Promise.all(messages.map((message) => message.done()));
  assert.deepEqual(await registry.read(), []);
  peer.socket.destroy();
  await close();
});

test('inside TLS the trust is tls, and it is what the row says', async () => {
  const made = certificate();
  const { registry, gateway, close } = await place({ listen: 'tidelocks://127.0.0.1:0', tls: identity(made) });
  const socket = connect({ host: '127.0.0.1', port: portOf(gateway.address), ca: made.cert });
  socket.on('error', () => undefined);
  socket.write(frame('login message'));
  assert.deepEqual((await read(gateway, 1)).map(({ trust }) => trust), ['tls']);
  assert.deepEqual((await registry.read()).map(({ trust }) => trust), ['tls']);
  socket.destroy();
  await close();
});

test('a commit that hangs: what is beyond the bound is dropped and counted, what waits goes in, in order', async () => {
  const { registry, gateway, logged, close } = await place({ limits: { uncommitted: 65_536 } });
  const commit = registry.commit.bind(registry);
  let free!: () => void;
  const stuck = new Promise<void>((resolve) => (free = resolve));
  registry.commit = async (messages) => {
    await stuck;
    return commit(messages);
  };
  const peer = await Peer.open(gateway.address);
  const bodies = Array.from({ length: 12 }, (_, i) => `${i} ${'x'.repeat(10_000)}`);
  for (const body of bodies) peer.say(frame(body));
  await until('all came', () => gateway.counters().received === 12);
  assert.equal(gateway.counters().unkept, 6, 'six of 10,514 bytes and more find room in 65,536');
  assert.ok(logged.some((line) => line.includes('did not get into the inbox') && line.includes(ID)));
  free();
  assert.deepEqual((await read(gateway, 6)).map((message) => message.text()), bodies.slice(0, 6));
  peer.say(frame('afterwards there is room'));
  await until('the last', () => gateway.counters().received === 13);
  assert.equal((await read(gateway, 7)).at(-1)!.text(), 'afterwards there is room');
  assert.equal(gateway.counters().unkept, 6);
  peer.socket.destroy();
  await close();
});

test('a full inbox: dropped, counted, logged; the connection stays', async () => {
  const { gateway, logged, close } = await place({}, { inboxRowsPerDevice: 2 });
  const peer = await Peer.open(gateway.address);
  for (let i = 0; i < 5; i++) peer.say(frame(`message ${i}`));
  await until('three are dropped', () => gateway.counters().unkept === 3);
  assert.deepEqual((await read(gateway, 2)).map((message) => message.text()), ['message 0', 'message 1']);
  assert.ok(logged.some((line) => line.includes('the inbox is full')));
  assert.equal(peer.closed, false);
  peer.socket.destroy();
  await close();
});

test('a commit that fails is told, its messages are counted, and the next go in', async () => {
  const { registry, gateway, close } = await place();
  const errors: string[] = [];
  gateway.on('error', (error) => errors.push((error as { code?: string }).code ?? error.message));
  const commit = registry.commit.bind(registry);
  registry.commit = () => Promise.reject(new Error('the disk is full'));
  const peer = await Peer.open(gateway.address);
  peer.say(frame('lost message'));
  await until('it is counted', () => gateway.counters().unkept === 1);
  assert.deepEqual(errors, ['COMMIT_FAILED']);
  registry.commit = commit;
  peer.say(frame('next message'));
  assert.deepEqual((await read(gateway, 1)).map((message) => message.text()), ['next message']);
  peer.socket.destroy();
  await close();
});

test('closing waits for what is on its way into the inbox, also where the database is away for a moment', async () => {
  const { registry, gateway } = await place();
  const commit = registry.commit.bind(registry);
  let free!: () => void;
  const stuck = new Promise<void>((resolve) => (free = resolve));
  registry.commit = async () => {
    await stuck;
    registry.commit = commit;
    throw new TidelockError('DATABASE_UNREACHABLE', { database: registry.url, reason: 'a test' });
  };
  const peer = await Peer.open(gateway.address);
  peer.say(frame('the last word'));
  await until('it came', () => gateway.counters().received === 1);
  const closed = gateway.close();
  free();
  await closed;
  assert.deepEqual((await registry.read()).map(({ body }) => body.toString()), ['the last word']);
  peer.socket.destroy();
  await registry.close();
});

test.run();
