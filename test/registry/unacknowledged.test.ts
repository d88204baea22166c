/** Messages of devices whose protocol knows no ACK: into the inbox with their trust, once, and no receipt of anybody changes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Received, Registry } from 'tidelock/registry';
import { unacknowledged } from '../../dist/host/registry/unacknowledged.js';
import { open, rejects, session } from './support.js';

const ID = '1234567890';

function said(outbox: number, first: number, ...texts: string[]): Received[] {
  return texts.map((text, i) => ({ lease: unacknowledged(ID, outbox), id: first + i, time: 1_000 + i, repeat: false, trust: i % 2 === 0 ? 'none' : 'tls', body: Buffer.from(text) }));
}

const rows = async (registry: Registry): Promise<unknown[]> => (await registry.read()).map(({ message, body, trust }) => [message, body.toString(), trust]);

test('they are in the inbox in order, each with its trust and a name of its own; the same once more is there once', async () => {
  const registry = await open();
  await registry.add(ID, { protocol: 'iotsocket' });
  assert.equal(await registry.commit(said(7, 3, 'one', 'two')), ['durable', 'durable']);
  assert.equal(await registry.commit(said(7, 3, 'one', 'two', 'three')), ['durable', 'durable', 'durable'], 'after a failure that was none');
  assert.equal(await registry.commit(said(7, 900, 'four')), ['durable'], 'numbers of other devices stand between');
  const all = [[`${ID}#00000007-3`, 'one', 'none'], [`${ID}#00000007-4`, 'two', 'tls'], [`${ID}#00000007-5`, 'three', 'none'], [`${ID}#00000007-900`, 'four', 'none']];
  assert.equal(await rows(registry), all);
  assert.is((await registry.info()).inbox.rows, 4);
  await registry.close();
});

test('what a device with a session sends is proved, in the same commit too', async () => {
  const registry = await open();
  await registry.add(ID, { protocol: 'iotsocket' });
  const pump = await session(registry, 'pump-7', 9);
  const both = await Promise.all([registry.commit(said(7, 1, 'old')), pump.commit(1, 'new')]);
  assert.equal(both, [['durable'], ['durable']]);
  assert.equal((await registry.read()).map(({ identity, trust }) => [identity, trust]), [[ID, 'none'], ['pump-7', 'proved']]);
  await registry.close();
});

test('of a device that is disabled, unknown or has sessions nothing enters, and the others go on', async () => {
  const registry = await open();
  await registry.add(ID, { protocol: 'iotsocket' });
  await registry.add('0000000042', { protocol: 'iotsocket' });
  await registry.add('pump-7');
  await registry.disable(ID);
  const of = (identity: string): Received => ({ ...said(7, 1, 'body')[0]!, lease: unacknowledged(identity, 7) });
  assert.equal(await registry.commit([of(ID), of('nobody'), of('pump-7'), of('0000000042')]), ['superseded', 'superseded', 'superseded', 'durable']);
  assert.equal(await rows(registry), [['0000000042#00000007-1', 'body', 'none']]);
  await registry.close();
});

test('a full inbox refuses each for itself: a smaller one behind it is taken', async () => {
  const registry = await open({ limits: { inboxBytesPerDevice: 1_000 } });
  await registry.add(ID, { protocol: 'iotsocket' });
  assert.equal(await registry.commit(said(7, 1, 'x'.repeat(900), 'y'.repeat(900), 'small')), ['durable', 'full', 'durable']);
  const [first] = await registry.read();
  await registry.done([first!.position]);
  assert.equal(await registry.commit(said(7, 4, 'y'.repeat(900))), ['durable'], 'there is room again');
  await registry.close();
});

test('a dead letter keeps its trust when it comes back', async () => {
  const registry = await open();
  await registry.add(ID, { protocol: 'iotsocket' });
  registry.consumers(['bridge']);
  await registry.commit(said(7, 1, 'plain', 'inside TLS'));
  for (const { position } of await registry.read({ consumer: 'bridge' })) assert.ok(await registry.bridge.dead(position, 'not authorised'));
  assert.equal(await registry.read({ consumer: 'bridge' }), []);
  assert.is(await registry.bridge.retry('all'), 2);
  assert.equal((await registry.read({ consumer: 'bridge' })).map(({ trust }) => trust), ['none', 'tls']);
  await registry.close();
});

test('a trust that there is not is named', async () => {
  const registry = await open();
  await registry.add(ID, { protocol: 'iotsocket' });
  let message = '';
  await registry.commit([{ ...said(7, 1, 'x')[0]!, trust: 'much' as never }]).catch((error: Error) => (message = error.message));
  assert.match(message, /none, tls, proved/);
  await rejects(registry.rotate(ID), 'KEY_STATE');
  await registry.close();
});

test.run();
