// What anybody on the network may send beside sessions: SNTP requests and answers, DISCOVER and OFFER, and noise on a serial line.

import { strict as assert } from 'node:assert';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { DiscoveryCore } from '../../../dist/host/core/index.js';
import { decodePacket, encodePacket, PACKET_BYTES } from '../../../dist/host/time/packet.js';
import { SntpResponder } from '../../../dist/host/time/responder.js';
import { answers, judge } from '../../../dist/host/time/sample.js';
import { CobsDecoder, encodeCobs, encodedBytes } from '../../../dist/host/transport/cobs.js';
import { TestClock } from '../../gateway/support.js';
import { corpus, type Target } from '../target.js';

/** The answering port: an answer is as long as its question. */
const sntp: Target = {
  name: 'sntp',
  async open() {
    const clock = new TestClock();
    const responder = await SntpResponder.listen({
      listen: { host: '127.0.0.1', port: 0 }, clock, estimate: () => undefined, admit: () => true, failed: (error) => { throw error; },
    });
    const socket = createSocket('udp4');
    socket.connect(Number(responder.address.split(':')[1]), '127.0.0.1');
    await once(socket, 'connect');
    const lengths: number[] = [];
    socket.on('message', (bytes) => void lengths.push(bytes.length));
    const feed = async (input: Buffer): Promise<void> => {
      const before = responder.answered + responder.dropped;
      await new Promise<void>((resolve) => socket.send(input, () => resolve()));
      for (let i = 0; i < 50 && responder.answered + responder.dropped === before; i++) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(lengths.every((length) => length === PACKET_BYTES));
      lengths.length = 0;
    };
    return {
      feed,
      async check() {
        const before = responder.answered;
        await feed(corpus('sntp')[0]!);
        assert.equal(responder.answered, before + 1);
      },
      close: async () => {
        socket.close();
        await responder.close();
      },
    };
  },
};

/** What a server answers: only what says the request's own bits is believed, and nothing that is no number. */
const answer: Target = {
  name: 'sntp-answer',
  async open() {
    const sent = decodePacket(corpus('sntp-answer')[0]!)!.origin;
    const exchange = { sent, sentAt: 1_000, receivedAt: 1_010, unix: 1_700_000_000_000 };
    const feed = (input: Buffer): string => {
      const packet = decodePacket(input);
      if (packet === undefined || !answers(packet, exchange)) return 'none';
      const verdict = judge(packet, exchange);
      if (verdict.kind === 'sample') for (const value of Object.values(verdict.sample)) assert.ok(Number.isFinite(value));
      if (input.length === PACKET_BYTES) assert.equal(encodePacket(packet).length, PACKET_BYTES);
      return verdict.kind;
    };
    return {
      feed: (input) => void feed(input),
      check: () => assert.equal(feed(corpus('sntp-answer')[0]!), 'sample'),
      close: () => undefined,
    };
  },
};

/** The core reads a datagram; an OFFER is no longer than the DISCOVER that it answers. */
const discovery: Target = {
  name: 'discovery',
  async open() {
    const core = new DiscoveryCore();
    const links = Array.from({ length: 8 }, (_, i) => ({ link: i & 3, port: 8433 + i }));
    const feed = (input: Buffer): string => {
      const frame = core.read(input);
      if (frame?.type === 'discover') assert.ok(core.offer(frame.token, links, 'x'.repeat(64)).length <= input.length);
      if (frame?.type === 'offer') {
        assert.ok(frame.links.length >= 1 && frame.links.length <= 8 && frame.links.every(({ port }) => port > 0));
        assert.ok(Buffer.byteLength(frame.name) <= 64);
      }
      return frame?.type ?? 'none';
    };
    return {
      feed: (input) => void feed(input),
      check: () => assert.deepEqual(corpus('discovery').slice(0, 2).map(feed), ['discover', 'offer']),
      close: () => undefined,
    };
  },
};

/** A serial line: pieces have the effect of the whole, and after a delimiter a good frame is read whatever came before. */
const cobs: Target = {
  name: 'cobs',
  async open() {
    const largest = 600;
    const read = (pieces: readonly Buffer[]): string[] => {
      const decoder = new CobsDecoder(largest), frames: string[] = [];
      for (const piece of pieces) {
        decoder.push(piece, (frame) => {
          assert.ok(frame.length <= largest);
          frames.push(frame.toString('hex'));
        });
      }
      return frames;
    };
    return {
      feed(input) {
        const half = input.length === 0 ? 0 : (input[input.length - 1]! * 7919) % input.length;
        const frames = read([input]);
        assert.deepEqual(read([input.subarray(0, half), input.subarray(half)]), frames);
        const sent = input.subarray(0, largest), out = Buffer.alloc(encodedBytes(sent.length) + 1);
        const end = encodeCobs(sent, out, 0);
        if (sent.length > 0) assert.deepEqual(read([input, Buffer.of(0), out.subarray(0, end)]).at(-1), sent.toString('hex'));
      },
      check: () => assert.deepEqual(read([corpus('cobs')[0]!]), ['11220033']),
      close: () => undefined,
    };
  },
};

export const targets = [sntp, answer, discovery, cobs];
