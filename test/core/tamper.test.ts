// A frame that was changed, cut, repeated, kept, sent ahead, reflected or taken from another session: refused with
// its own reason and counter, and nothing of it delivered. Which reason is the reference's to say.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TYPE, WANTED, writeAck, writeClose, writeLed, writePing } from '../reference/bodies.js';
import { ascii, concat, unhex } from '../reference/bytes.js';
import { type Receiver, open, seal } from '../reference/frame.js';
import { schedule } from '../reference/keys.js';
import { type Reason, Refusal } from '../reference/refusal.js';
import { writeDeliver, writeRoute } from '../reference/topics.js';
import { type Told, abi } from './engine/engine.js';
import { REASON, ROLES, type Side, side } from './engine/side.js';
import { vectors } from './engine/vector-file.js';

const BUILDS = { device: ['core-device'], gateway: ['core-gateway', 'core-gateway-nosimd'] };
const wanted = TYPE.DATA | WANTED;
const NOW = 1_000;
/** Each side takes one of them; the other is answered, which is no effect either. */
const TOPICS = [
  { type: (TYPE.ROUTE | WANTED), body: writeLed(1, 0, writeRoute(60, 'temp/inlet', ascii('21.5'))) },
  { type: (TYPE.DELIVER | WANTED), body: writeLed(1, 0, writeDeliver('valve/set', 2, ascii('open'))) },
];

/** Frames worth attacking: a message, one that wants an ACK, and those that would end or move the session. */
const targets = [
  { type: wanted, body: writeLed(1, 300, ascii('valve open')) },
  { type: TYPE.DATA as number, body: ascii('21.5') },
  { type: TYPE.DATA as number, body: new Uint8Array(130).fill(7) },
  { type: TYPE.CLOSE as number, body: writeClose(6, 9) },
  ...TOPICS,
  { type: TYPE.ACK as number, body: writeAck({ id: 1, status: 0 }) },
  { type: TYPE.PING as number, body: writePing(77n) },
];

/** The reference's verdict: a reason, 'more', or 'taken'. */
function verdict(receiver: Receiver, bytes: Uint8Array): Reason | 'more' | 'taken' {
  try {
    return open(receiver, bytes) ? 'taken' : 'more';
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
}

/** Enough further frames to fill the longest body that a spoiled length can ask for. */
const following = (next: Uint8Array) => Array<Uint8Array>(Math.ceil(16_500 / next.length)).fill(next);

/** Exactly one refusal, for this reason, and no effect besides: a stream ends, on datagrams the session goes on. */
function refusedAs(each: Side, told: Told, reason: Reason, label: string): void {
  const counts = each.refusals();
  assert.is(counts[REASON[reason]], 1, `${label}: counter of ${reason}, not ${counts}`);
  assert.is(counts.reduce((sum, count) => sum + count, 0), 1, `${label}: one refusal`);
  const stream = each.receiver.link === 'stream';
  const kinds = told.events.map((event) => event.kind);
  assert.equal(kinds, stream ? [abi.EV_REFUSED, abi.EV_DISCONNECT] : [abi.EV_REFUSED], label);
  assert.is(told.events[0]!.a, REASON[reason], label);
  assert.is(each.online(), !stream, label);
  assert.is(told.output.length, 0, `${label}: nothing is said to who is not authentic`);
}

/** On datagrams the frame itself still passes after all that was thrown at the session. */
function stillTakes(each: Side, frame: Uint8Array, label: string): void {
  const told = each.receive(frame);
  assert.ok(!told.events.some((event) => event.kind === abi.EV_REFUSED), `${label}: the frame itself`);
}

for (const v of vectors.handshakes) {
  for (const role of ROLES) {
    test(`every bit of a frame, ${v.name}, ${role}`, () => {
      for (const build of BUILDS[role]) {
        const each = side(v, role, { build });
        for (const target of targets) {
          const frame = each.fromPeer({ ...target, time: NOW });
          for (let bit = 0; bit < frame.length * 8; bit++) {
            const label = `${build}, type ${target.type}, bit ${bit}`;
            const changed = frame.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
            const expected = verdict(each.receiver, changed);
            each.reset();
            let told = each.receive(changed);
            if (expected === 'more') {
              // A length made longer shows when the next bytes come.
              assert.equal(told, { events: [], output: [] }, label);
              const next = each.fromPeer({ ...target, time: NOW, counter: each.receiver.next + 1n });
              const more = concat(changed, ...following(next));
              const late = verdict(each.receiver, more);
              assert.is.not(late, 'more', label);
              told = each.receive(more.slice(frame.length));
              refusedAs(each, told, late as Reason, label);
              continue;
            }
            assert.is.not(expected, 'taken', label);
            refusedAs(each, told, expected as Reason, label);
            if (v.link === 'datagram') stillTakes(each, frame, label);
          }
        }
      }
    });

    test(`every truncation, ${v.name}, ${role}`, () => {
      for (const build of BUILDS[role]) {
        const each = side(v, role, { build });
        for (const target of targets) {
          const frame = each.fromPeer({ ...target, time: NOW });
          const next = each.fromPeer({ ...target, time: NOW, counter: each.receiver.next + 1n });
          for (let length = 0; length < frame.length; length++) {
            const label = `${build}, type ${target.type}, ${length} of ${frame.length} bytes`;
            each.reset();
            const cut = frame.slice(0, length);
            const told = each.receive(cut);
            if (v.link === 'datagram') {
              if (length > 0) refusedAs(each, told, verdict(each.receiver, cut) as Reason, label);
              else assert.equal(told, { events: [], output: [] }, label);
              continue;
            }
            assert.equal(told, { events: [], output: [] }, label);
            if (length === 0) continue;
            // What follows cannot mend it.
            const more = concat(cut, ...following(next));
            const late = verdict(each.receiver, more);
            refusedAs(each, each.receive(more.slice(length)), late as Reason, label);
          }
          if (v.link === 'stream') continue;
          each.reset();
          const longer = concat(frame, Uint8Array.of(0));
          refusedAs(each, each.receive(longer), verdict(each.receiver, longer) as Reason, `${build}, a byte more`);
        }
      }
    });

    test(`repeated, kept, ahead, reflected, of another session: ${v.name}, ${role}`, () => {
      const stream = v.link === 'stream';
      for (const build of BUILDS[role]) {
        const each = side(v, role, { build });
        const start = each.receiver.next;
        for (const target of targets.filter(({ type }) => type !== TYPE.CLOSE)) {
          const frame = each.fromPeer({ ...target, time: NOW });
          const label = (what: string) => `${build}, type ${target.type}, ${what}`;
          const after = () => {
            each.reset();
            each.receive(frame);
            const refused = each.refusals().reduce((sum, count) => sum + count, 0);
            assert.is(refused, 0, label('the frame itself'));
          };

          after();
          refusedAs(each, each.receive(frame), stream ? 'bad tag' : 'replay', label('repeated at once'));

          after();
          for (let i = 1n; i <= 70n; i++) each.receive(each.fromPeer({ ...target, type: TYPE.DATA, time: NOW, counter: start + i }));
          refusedAs(each, each.receive(frame), stream ? 'bad tag' : 'replay', label('repeated after 70 frames'));

          after();
          each.setClock(NOW + 60_000);
          refusedAs(each, each.receive(frame), stream ? 'bad tag' : 'replay', label('repeated after a minute'));

          each.reset();
          const ahead = each.fromPeer({ ...target, time: NOW, counter: start + 40_000n });
          refusedAs(each, each.receive(ahead), stream ? 'bad tag' : 'replay', label('a counter far ahead'));

          each.reset();
          const reflected = each.fromSelf({ ...target, time: NOW, counter: start });
          refusedAs(each, each.receive(reflected), 'bad tag', label('reflected'));

          // Another session of the same device: other nonces, and on datagrams also under this session's number.
          const c = unhex(v.C);
          c[8]! ^= 1;
          const other = schedule(unhex(v.deviceKey), unhex(v.H), c);
          const keys = role === 'gateway' ? other.toGateway : other.toDevice;
          const foreign = { ...target, time: NOW, counter: start };
          each.reset();
          refusedAs(each, each.receive(seal({ ...each.receiver, keys }, foreign)), 'bad tag', label('keys of another session'));
          if (stream) continue;
          each.reset();
          const session = (each.receiver.session ^ 1) >>> 0;
          refusedAs(each, each.receive(seal({ ...each.receiver, session }, foreign)), 'state', label('number of another session'));
        }
      }
    });

    test(`stale, and from the future, by a millisecond: ${v.name}, ${role}`, () => {
      const window = v.challenge.window;
      for (const build of BUILDS[role]) {
        const each = side(v, role, { build, clock: 50_000, inLast: 1 });
        for (const [off, reason] of [[window, 0], [window + 1, 'stale'], [-window, 0], [-window - 1, 'from the future']] as const) {
          for (const id of [1, 2]) {
            each.reset();
            const frame = each.fromPeer({ type: wanted, body: writeLed(id, 0, ascii('x')), time: 50_000 - off });
            const told = each.receive(frame);
            const label = `${build}, off by ${off}, id ${id}`;
            assert.ok(each.online(), label);
            if (!reason) {
              assert.equal(told.events.map(({ kind }) => kind), id === 2 ? [abi.EV_MESSAGE] : [], label);
              continue;
            }
            assert.equal(told.events.map(({ kind, a, d, e }) => [kind, a, d, e]), [[abi.EV_REFUSED, REASON[reason], id, off]], label);
            assert.is(each.refusals()[REASON[reason]], 1, label);
            assert.is(told.output.length, 1, `${label}: its ACK`);
          }
          // One that wants no ACK is counted, and that is all.
          each.reset();
          const told = each.receive(each.fromPeer({ type: TYPE.DATA, body: ascii('x'), time: 50_000 - off }));
          assert.is(told.output.length, 0);
          assert.equal(told.events.map(({ kind }) => kind), reason ? [abi.EV_REFUSED] : [abi.EV_MESSAGE]);
        }
      }
    });
  }
}

test.run();
