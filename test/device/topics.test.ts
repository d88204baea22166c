/** Messages under topics, both ways, with and without acknowledgement, with a registry and without one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { DeviceMessage } from 'tidelock/device';
import type { Message } from 'tidelock/gateway';
import { openRegistry } from 'tidelock/registry';
import { closeAll, codeOf, KEY, listen, makeDevice, pair, test, until } from '../gateway/support.js';

const LONG = 'ü'.repeat(127);

function thrown(call: () => unknown): string {
  try {
    call();
    return 'nothing';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

test('up: a message has its topic, its body alone, and until when it is worth carrying on', async () => {
  const { gateway, device } = await pair();
  const seen: Message[] = [];
  gateway.on('message', (message) => void seen.push(message));
  await device.publish('temp/inlet', '21.5').acknowledged;
  await device.publish(LONG, '', { lifetime: 4_200 }).acknowledged;
  await device.publish('a', 'x', { lifetime: 86_400_000 }).acknowledged;
  await device.send('plain').acknowledged;
  assert.ok(device.post('posted', { topic: 'temp/outlet' }));
  await until('all came', () => seen.length === 5);
  assert.equal(seen.map(({ topic }) => topic), ['temp/inlet', LONG, 'a', undefined, 'temp/outlet']);
  assert.equal(seen.map((message) => message.text()), ['21.5', '', 'x', 'plain', 'posted']);
  assert.equal(seen.map(({ body }) => body.length), [4, 0, 1, 5, 6]);
  assert.equal(seen.map(({ expires, time }) => expires && expires - time), [undefined, 5_000, undefined, undefined, undefined]);
  await closeAll(device, gateway);
});

test('down: a message has its topic and its trust', async () => {
  const { gateway, device } = await pair();
  const seen: DeviceMessage[] = [];
  device.on('message', (message) => void seen.push(message));
  await gateway.send('pump-7', 'open', { topic: 'valve/set' }).acknowledged;
  await gateway.send('pump-7', 'open', { topic: 'valve/set', trust: 'tls' }).acknowledged;
  await gateway.send('pump-7', 'plain').acknowledged;
  assert.ok(gateway.post('pump-7', 'posted', { topic: LONG, trust: 'none' }));
  await until('all came', () => seen.length === 4);
  assert.equal(seen.map(({ topic, trust }) => [topic, trust]), [['valve/set', 'proved'], ['valve/set', 'tls'], [undefined, 'proved'], [LONG, 'none']]);
  assert.equal(seen.map((message) => message.text()), ['open', 'open', 'plain', 'posted']);
  await closeAll(device, gateway);
});

test('a topic that may not be is refused before anything is sent', async () => {
  const { gateway, device } = await pair();
  for (const topic of ['', '#', 'a/+', 'a\0', 'a\n', '\ud800', 'ü'.repeat(128), '\uffff']) {
    assert.is(thrown(() => device.publish(topic, 'x')), 'BAD_TOPIC', JSON.stringify(topic));
    assert.is(thrown(() => device.post('x', { topic })), 'BAD_TOPIC');
    assert.is(thrown(() => gateway.post('pump-7', 'x', { topic })), 'BAD_TOPIC');
    assert.is(await codeOf(gateway.send('pump-7', 'x', { topic }).acknowledged), 'BAD_TOPIC');
  }
  // The head takes of what a body may have.
  assert.is(thrown(() => device.publish('a', new Uint8Array(16_371))), 'TOO_LONG');
  assert.is(await codeOf(gateway.send('pump-7', new Uint8Array(16_372), { topic: 'a' }).acknowledged), 'TOO_LONG');
  await closeAll(device, gateway);
});

test('on datagrams a long message under a topic goes in parts', async () => {
  const gateway = await listen({ listen: 'tidelock+udp://127.0.0.1:0' });
  const device = makeDevice(gateway);
  const seen: Message[] = [], heard: DeviceMessage[] = [];
  gateway.on('message', (message) => void seen.push(message));
  device.on('message', (message) => void heard.push(message));
  const body = Buffer.alloc(9_000, 'abcdefg');
  await device.publish(LONG, body).acknowledged;
  await gateway.send('pump-7', body, { topic: LONG }).acknowledged;
  assert.is(seen[0]!.topic, LONG);
  assert.ok(seen[0]!.body.equals(body));
  assert.is(heard[0]!.topic, LONG);
  assert.ok(heard[0]!.body.equals(body));
  await closeAll(device, gateway);
});

test('with a registry topics outlive restarts, in the inbox and in the queue', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidelock-'));
  const open = () => openRegistry(`sqlite:${join(folder, 'test.db')}`);
  let registry = await open();
  await registry.add('pump-7', { key: KEY });
  let gateway = await listen({ registry });
  const device = makeDevice(gateway);
  await device.publish('temp/inlet', '21.5', { lifetime: 30_000 }).acknowledged;
  await device.send('plain').acknowledged;
  await closeAll(device);
  await gateway.send('pump-7', 'open', { topic: 'valve/set', trust: 'none' }).queued;
  await gateway.send('pump-7', 'plain').queued;
  assert.is(await codeOf(registry.enqueue('pump-7', 'x', { topic: '#' })), 'BAD_TOPIC');
  await closeAll(gateway);
  await registry.close();

  registry = await open();
  assert.equal((await registry.waiting()).map(({ topic, bytes }) => [topic, bytes]), [['valve/set', 4], [undefined, 5]]);
  gateway = await listen({ registry });
  const again = makeDevice(gateway);
  const heard: DeviceMessage[] = [];
  again.on('message', (message) => void heard.push(message));
  const rows = gateway.messages();
  const first = (await rows.next()).value!, second = (await rows.next()).value!;
  assert.equal([first.topic, first.text(), first.expires! - first.time], ['temp/inlet', '21.5', 30_000]);
  assert.equal([second.topic, second.text(), second.expires], [undefined, 'plain', undefined]);
  await until('both came', () => heard.length === 2);
  assert.equal(heard.map((message) => [message.topic, message.trust, message.text()]), [['valve/set', 'none', 'open'], [undefined, 'proved', 'plain']]);
  await closeAll(again, gateway);
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
});

test.run();
