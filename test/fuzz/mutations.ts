// Raw bytes, mutated, at every split: what comes in two pieces must have the effect of what comes in one, and nothing
// that no peer has sealed is ever delivered.

import fc from 'fast-check';
import { strict as assert } from 'node:assert';
import { TYPE, WANTED, writeAck, writeClose, writeLed, writePing } from '../reference/bodies.js';
import { ascii, concat, hex, unhex } from '../reference/bytes.js';
import { seal } from '../reference/frame.js';
import { handshakes } from '../reference/vectors-handshake.js';
import type { EngineDevice } from '../core/engine/device.js';
import { type Told, abi } from '../core/engine/engine.js';
import type { EngineGateway } from '../core/engine/gateway.js';
import { type HandshakeVector, ROUND_TRIP, vectorDevice, vectorGateway, vectors } from '../core/engine/vector-file.js';

const BODIES = ['21.5', 'valve open', 'x'.repeat(140), ''];

/** A machine at some stage of a session, and what its peer says next: on datagrams one packet an element. */
interface Stage {
  name: string;
  v: HandshakeVector;
  machine: EngineDevice | EngineGateway;
  receive(bytes: Uint8Array): Told;
  fresh: Uint8Array;
  now: number;
  script: Uint8Array[];
}

function frames(v: HandshakeVector, toDevice: boolean): Uint8Array[] {
  const direction = handshakes.find(({ name }) => name === v.name)![toDevice ? 'toDevice' : 'toGateway'];
  const first = toDevice ? 1n : 0n;
  const time = 30;
  return [
    { type: TYPE.DATA as number, body: ascii(BODIES[0]!) },
    { type: TYPE.DATA | WANTED, body: writeLed(1, 0, ascii(BODIES[1]!)) },
    { type: TYPE.PING as number, body: writePing(9n) },
    { type: TYPE.DATA | WANTED, body: writeLed(2, 5_000, ascii(BODIES[2]!)) },
    { type: TYPE.ACK as number, body: writeAck({ id: 1, status: 0 }) },
    { type: TYPE.SKIP | WANTED, body: writeLed(3, 0, new Uint8Array()) },
    { type: TYPE.CLOSE as number, body: writeClose(2, 1) },
  ].map((frame, i) => seal(direction, { ...frame, time, counter: first + BigInt(i) }));
}

function stages(v: HandshakeVector): Stage[] {
  const made: Stage[] = [];
  const device = (name: string, steps: Uint8Array[], script: Uint8Array[]) => {
    const machine = vectorDevice(v);
    machine.start();
    machine.connected();
    machine.now += ROUND_TRIP;
    for (const bytes of steps) machine.receive(bytes);
    made.push({ name: `device ${name}`, v, machine, receive: (bytes) => machine.receive(bytes), fresh: machine.snapshot(), now: machine.now, script });
  };
  const gateway = (name: string, steps: Uint8Array[], script: Uint8Array[]) => {
    const machine = vectorGateway(v);
    const slot = machine.open(v.hello.link);
    for (const bytes of steps) machine.receive(slot, bytes);
    machine.now += v.ready.time;
    made.push({ name: `gateway ${name}`, v, machine, receive: (bytes) => machine.receive(slot, bytes), fresh: machine.snapshot(), now: machine.now, script });
  };
  const [hello, challenge, proof, ready] = (['hello', 'challenge', 'proof', 'ready'] as const).map((name) => unhex(v.frames[name]));
  const down = frames(v, true), up = frames(v, false);
  device('that waits for CHALLENGE', [], [challenge!, ready!, ...down]);
  device('that waits for READY', [challenge!], [ready!, ...down]);
  device('online', [challenge!, ready!], down);
  gateway('that waits for HELLO', [], [hello!, proof!, ...up]);
  if (v.link === 'stream') gateway('that waits for PROOF', [hello!], [proof!, ...up]);
  gateway('online', [hello!, proof!], up);
  return made;
}

interface Mutation {
  what: 'flip' | 'set' | 'delete' | 'insert' | 'double' | 'cut' | 'zero';
  at: number;
  value: number;
  bytes: Uint8Array;
}

const anywhere = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
/** Often near the front: what comes first decides most. */
const place = fc.oneof(anywhere, anywhere.map((at) => at / 8));
const mutation = fc.record<Mutation>({
  what: fc.constantFrom('flip', 'flip', 'flip', 'set', 'delete', 'insert', 'double', 'cut', 'zero'),
  at: place,
  value: fc.nat(255),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
});

function mutate(bytes: Uint8Array, { what, at, value, bytes: more }: Mutation): Uint8Array {
  if (bytes.length === 0) return more;
  const place = Math.floor(at * bytes.length);
  const some = 1 + (value % 9);
  switch (what) {
    case 'flip': return bytes.map((byte, i) => (i === place ? byte ^ (1 << (value & 7)) : byte));
    case 'set': return bytes.map((byte, i) => (i === place ? value : byte));
    case 'delete': return concat(bytes.slice(0, place), bytes.slice(place + some));
    case 'insert': return concat(bytes.slice(0, place), more, bytes.slice(place));
    case 'double': return concat(bytes.slice(0, place + some), bytes.slice(place));
    case 'cut': return bytes.slice(0, place);
    case 'zero': return bytes.map((byte, i) => (i >= place && i < place + some ? 0 : byte));
  }
}

interface Outcome {
  events: string[];
  output: string;
  counters: number[];
  state: number;
}

function feed(stage: Stage, pieces: Uint8Array[]): Outcome {
  const { machine } = stage;
  machine.restore(stage.fresh);
  machine.now = stage.now;
  const events: string[] = [], output: Uint8Array[] = [];
  const before = machine.counters();
  for (const piece of pieces) {
    const told = stage.receive(piece);
    output.push(...told.output);
    for (const { kind, a, b, d, e, bytes } of told.events) {
      if (kind === abi.EV_MESSAGE) assert.ok(BODIES.includes(new TextDecoder().decode(bytes)), `delivered what nobody sealed: ${hex(bytes!)}`);
      events.push([kind, a, b, d, e, bytes ? hex(bytes) : ''].join());
    }
  }
  const state = 'slot' in machine ? machine.state : machine.state(0);
  return { events, output: hex(concat(...output)), counters: machine.counters().map((count, i) => count - before[i]!), state };
}

const all = vectors.handshakes.flatMap(stages);

/** Returns how many inputs one value of it is. */
export const mutations = {
  arbitrary: fc.record({
    stage: fc.integer({ min: 0, max: all.length - 1 }),
    from: fc.nat(4),
    mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }),
    random: fc.option(fc.uint8Array({ minLength: 1, maxLength: 64 }), { freq: 8 }),
  }),
  run(value: { stage: number; from: number; mutations: Mutation[]; random: Uint8Array | null }): number {
    const stage = all[value.stage]!;
    if (stage.v.link === 'datagram') {
      // One packet is changed, the others are as they were: it alone may be missing.
      const script = stage.script.map((packet, i) => {
        if (i !== value.from % stage.script.length) return packet;
        return value.random ?? value.mutations.reduce(mutate, packet);
      });
      feed(stage, script);
      return 1;
    }
    const whole = concat(...stage.script);
    const bytes = value.random ?? value.mutations.reduce(mutate, whole);
    const together = feed(stage, [bytes]);
    // At every split within the first 400 bytes: what follows is the same machine's work.
    const splits = Math.min(bytes.length, 400);
    for (let at = 1; at < splits; at++) {
      const apart = feed(stage, [bytes.slice(0, at), bytes.slice(at)]);
      assert.deepEqual(apart, together, `${stage.name}, ${stage.v.name}: split at ${at} of ${hex(bytes)}`);
    }
    return Math.max(1, splits);
  },
};
