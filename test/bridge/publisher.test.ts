/** PUBLISH packets as the bridge makes them, read by mqtt-packet: an implementation of the format that is not ours. */
import { Writable } from 'node:stream';
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DROPPED, packetBytes } from '../../dist/host/bridge/packets.js';
import { LAST_ID, mostBytes, Publisher, type Answered } from '../../dist/host/bridge/publisher.js';

interface Read {
  topic: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  messageId?: number;
  properties?: { userProperties?: Record<string, string>; correlationData?: Buffer; messageExpiryInterval?: number };
  length: number;
}

class Wire extends Writable {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    done();
  }
}

function read(chunks: readonly Buffer[], protocolVersion: 5 | 4): Read[] {
  const parser = mqttPacket.parser({ protocolVersion }), packets: Read[] = [];
  parser.on('packet', (packet) => void packets.push(packet as unknown as Read));
  parser.on('error', (error) => {
    throw error;
  });
  for (const chunk of chunks) parser.parse(chunk);
  return packets;
}

class Waits implements Answered {
  readonly reasons: number[] = [];

  answered(reason: number): void {
    this.reasons.push(reason);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((text) => !text.includes('\u0000'));
const message = fc.record({
  topic: word.filter((text) => !/[+#]/.test(text)),
  payload: fc.oneof(fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)), fc.integer({ min: 0, max: 70_000 }).map((length) => Buffer.alloc(length, 7)), fc.string({ unit: 'binary' })),
  retain: fc.boolean(),
  acknowledged: fc.boolean(),
  properties: fc.option(fc.record({
    userProperties: fc.dictionary(word.filter((name) => name !== '__proto__'), word, { maxKeys: 5 }),
    correlationData: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    messageExpiryInterval: fc.nat(),
  }, { requiredKeys: [] }), { nil: undefined }),
});

for (const version of [5, 4] as const) {
  test(`what is published comes out as it was, MQTT ${version}`, async () => {
    await fc.assert(fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 30 }), async (messages) => {
      const wire = new Wire(), publisher = new Publisher(wire, version === 5);
      for (const { topic, payload, retain, acknowledged, properties } of messages) publisher.publish(topic, payload, retain, properties, acknowledged ? new Waits() : undefined);
      await turn();
      const packets = read(wire.chunks, version);
      assert.is(packets.length, messages.length);
      const ids = new Set<number>();
      messages.forEach(({ topic, payload, retain, acknowledged, properties }, i) => {
        const packet = packets[i]!, got = packet.properties ?? {};
        assert.is(packet.topic, topic);
        assert.ok(packet.payload.equals(Buffer.from(payload as string)));
        assert.is(packet.retain, retain);
        assert.is(packet.qos, acknowledged ? 1 : 0);
        if (acknowledged) ids.add(packet.messageId!);
        const told = version === 5 ? properties : undefined;
        assert.equal({ ...got.userProperties }, { ...told?.userProperties });
        assert.equal(got.correlationData, told?.correlationData);
        assert.is(got.messageExpiryInterval, told?.messageExpiryInterval);
        const bytes = packet.length + 1 + (packet.length < 0x80 ? 1 : packet.length < 0x4000 ? 2 : 3);
        assert.ok(bytes <= mostBytes(topic, payload, properties), 'more than was reckoned with');
        assert.ok(bytes <= packetBytes(topic, payload, properties));
      });
      assert.is(ids.size, messages.filter(({ acknowledged }) => acknowledged).length);
    }), { numRuns: 200 });
  });
}

test('one write a turn, and a new one behind what is written between', async () => {
  const wire = new Wire(), publisher = new Publisher(wire, true);
  for (let i = 0; i < 20; i++) publisher.publish('a', `${i}`, false, undefined, new Waits());
  assert.is(wire.chunks.length, 0);
  await turn();
  assert.is(wire.chunks.length, 1);
  publisher.publish('a', '20', false, undefined, new Waits());
  publisher.write(Buffer.from([0xc0, 0])); // PINGREQ
  publisher.publish('a', '21', false, undefined, new Waits());
  await turn();
  assert.equal(read(wire.chunks, 5).map(({ payload }) => payload?.toString() ?? ''), [...Array.from({ length: 21 }, (_, i) => `${i}`), '', '21']);
});

test('an answer goes to who waits for it, once; a lost connection answers the rest', async () => {
  const wire = new Wire(), publisher = new Publisher(wire, true), waits = [new Waits(), new Waits(), new Waits()];
  for (const wait of waits) publisher.publish('a', '', false, undefined, wait);
  assert.ok(publisher.acknowledged(2, 0x10));
  assert.not.ok(publisher.acknowledged(2, 0));
  assert.not.ok(publisher.acknowledged(9, 0));
  assert.equal(waits.map(({ reasons }) => reasons), [[], [0x10], []]);
  publisher.lost();
  publisher.lost();
  assert.equal(waits.map(({ reasons }) => reasons), [[DROPPED], [0x10], [DROPPED]]);
  await turn();
  assert.is(wire.chunks.length, 0, 'nothing is written to a connection that has gone');
});

test('no more than the broker\'s Receive Maximum is without an answer, whoever publishes; the order stays', async () => {
  const wire = new Wire(), publisher = new Publisher(wire, true, 2), waits = Array.from({ length: 6 }, () => new Waits());
  const payloads = (): string[] => read(wire.chunks, 5).map(({ payload }) => payload.toString());
  waits.slice(0, 5).forEach((wait, i) => publisher.publish('a', `${i}`, false, undefined, wait));
  publisher.publish('a', 'at QoS 0', false, undefined, undefined);
  await turn();
  assert.equal(payloads(), ['0', '1', 'at QoS 0']);
  assert.ok(publisher.acknowledged(1, 0));
  publisher.publish('a', '5', false, undefined, waits[5]); // behind those that wait
  await turn();
  assert.equal(payloads(), ['0', '1', 'at QoS 0', '2']);
  assert.ok(publisher.acknowledged(3, 0));
  assert.ok(publisher.acknowledged(2, 0));
  await turn();
  assert.equal(payloads(), ['0', '1', 'at QoS 0', '2', '3', '4']);
  publisher.lost();
  assert.equal(waits.map(({ reasons }) => reasons), [[0], [0], [0], [DROPPED], [DROPPED], [DROPPED]]);
});

test('identifiers come round, and one that waits is passed over', () => {
  const publisher = new Publisher(new Wire(), true), first = new Waits();
  publisher.publish('a', '', false, undefined, first);
  for (let id = 2; id <= LAST_ID; id++) {
    publisher.publish('a', '', false, undefined, new Waits());
    assert.ok(publisher.acknowledged(id, 0));
  }
  const next = new Waits();
  publisher.publish('a', '', false, undefined, next);
  assert.ok(publisher.acknowledged(2, 0));
  assert.equal(next.reasons, [0]);
  assert.ok(publisher.acknowledged(1, 0));
  assert.equal(first.reasons, [0]);
});

test.run();
