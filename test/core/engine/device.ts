// One device on the bare engine. Every call returns what it told: events and bytes for the link.

import { Engine, type Told, abi } from './engine.js';

export interface DeviceOptions {
  build?: string;
  key: Uint8Array;
  keyId?: number;
  identity?: string | Uint8Array;
  link?: number;
  suites?: number;
  largest?: number;
  roundTrip?: number;
  drift?: number;
  /** The largest datagram that the path takes. */
  budget?: number;
  outbox?: number;
  outLow?: number;
  outSent?: number;
  outNext?: number;
  inOutbox?: number;
  inLast?: number;
  /** The 32 bytes of entropy of each `connected`; the first 16 are the nonce. */
  entropy?: () => Uint8Array;
  now?: number;
}

let seed = 1;
/** Bytes that differ on every call and are the same on every run. */
export function testEntropy(length = 32): Uint8Array {
  return Uint8Array.from({ length }, () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed >>> 24;
  }).fill(1, 0, 1);
}

export class EngineDevice extends Engine {
  now: number;
  /** The last status that a call returned. */
  status = 0;
  readonly datagrams: boolean;
  private readonly entropy: () => Uint8Array;

  constructor(options: DeviceOptions) {
    super(options.build ?? 'core-device');
    this.now = options.now ?? 1_000;
    this.entropy = options.entropy ?? testEntropy;
    const link = options.link ?? 0;
    this.datagrams = (link & abi.LINK_DATAGRAM) !== 0;
    const identity = typeof options.identity === 'object' ? options.identity : new TextEncoder().encode(options.identity ?? 'pump-00007');
    this.call('arena');
    this.write(this.arena + abi.A_KEY, options.key);
    this.setU32(this.arena + abi.A_ROUND_TRIP, options.roundTrip ?? 0);
    this.setU32(this.arena + abi.A_DRIFT, options.drift ?? 9_720_000);
    const s = this.slot;
    this.setU32(s + abi.S_LOW, options.outLow ?? 1);
    this.setU32(s + abi.S_SENT, options.outSent ?? (options.outLow ?? 1) - 1);
    this.setU32(s + abi.S_NEXT, options.outNext ?? options.outLow ?? 1);
    this.setU32(s + abi.S_IN_LAST, options.inLast ?? 0);
    this.view.setUint32(s + abi.S_IN_OUTBOX, options.inOutbox ?? 0);
    this.setU32(s + abi.S_TAKES, options.largest ?? 512);
    if (options.budget !== undefined) this.view.setUint16(s + abi.S_BUDGET, options.budget, true);
    const h = s + abi.S_C - (abi.H_ID + identity.length); // H ends where C begins
    this.view.setUint8(h + abi.H_VERSION, abi.VERSION);
    this.view.setUint8(h + abi.H_LINK, link);
    this.view.setUint8(h + abi.H_SUITES, options.suites ?? abi.SUITE_SEALED);
    this.view.setUint32(h + abi.H_OUTBOX, options.outbox ?? 0x0a0b0c0d);
    this.view.setUint16(h + abi.H_LARGEST, options.largest ?? 512);
    this.view.setUint8(h + abi.H_KEY_ID, options.keyId ?? 0);
    this.view.setUint8(h + abi.H_ID_BYTES, identity.length);
    this.write(h + abi.H_ID, identity.slice(0, 64));
    this.view.setUint8(s + abi.S_HELLO_BYTES, abi.H_ID + identity.length);
    this.status = this.call('init', this.now);
  }

  get slot(): number {
    return this.arena + abi.A_SLOT;
  }

  get state(): number {
    return this.view.getUint8(this.slot + abi.S_STATE);
  }

  /** The gateway's outbox that its record is about. */
  get inOutbox(): number {
    return this.view.getUint32(this.slot + abi.S_IN_OUTBOX);
  }

  /** Events and output since the last time. */
  take(): Told {
    const events = this.takeEvents();
    const output = this.peekOutput(this.datagrams);
    this.setU32(this.arena + abi.A_OUT_BYTES, 0);
    return { events, output };
  }

  private run(name: string, ...args: number[]): Told {
    this.status = this.call(name, ...args, this.now);
    return this.take();
  }

  /** The first try is the host's own: nothing is asked of the core. */
  start(): Told {
    return { events: [{ kind: abi.EV_CONNECT, a: 0, b: 0, c: 0, d: 0, e: 0 }], output: [] };
  }

  connected(): Told {
    this.write(this.arena + abi.A_ENTROPY, this.entropy());
    return this.run('connected');
  }

  lost(): Told {
    return this.run('down', abi.DOWN_LINK);
  }

  /** A stream's bytes in any pieces, or one datagram. Before the first `connected` there is no place for them. */
  receive(bytes: Uint8Array): Told {
    const told: Told = { events: [], output: [] };
    if (this.u32(this.arena + abi.A_RX_TO) === 0) return told;
    let at = 0, stuck = 0;
    do {
      const to = this.u32(this.arena + abi.A_RX_TO);
      const room = this.u32(this.arena + abi.A_RX_END) - to;
      if (this.datagrams && bytes.length > room) return told; // as a host drops what no frame can be
      const piece = bytes.subarray(at, at + room);
      // No room behind a handled frame: a call without bytes makes some. Twice in a row it is stuck.
      stuck = at < bytes.length && piece.length === 0 ? stuck + 1 : 0;
      if (stuck > 1) throw new Error('the device takes no more bytes');
      this.write(to, piece);
      at += piece.length;
      this.status = this.call('rx', piece.length, this.now);
      this.add(told, this.take());
      while (this.status === abi.MORE) {
        this.status = this.call('rx', 0, this.now);
        this.add(told, this.take());
      }
    } while (at < bytes.length);
    return told;
  }

  private add(to: Told, more: Told): void {
    to.events.push(...more.events);
    to.output.push(...more.output);
  }

  queue(next: number): Told {
    this.setU32(this.slot + abi.S_NEXT, next);
    this.call('poll', this.now);
    return this.take();
  }

  send(body: Uint8Array, id = 0, age = 0, type: number = abi.DATA): Told {
    const ahead = this.u32(this.arena + abi.A_OUT_BYTES) + abi.SEND_AHEAD;
    if (ahead + body.length + 16 > this.u32(this.arena + abi.A_OUT_CAP)) {
      this.status = abi.E_TOO_LONG; // the host's to say: it would write beyond the output
      return { events: [], output: [] };
    }
    this.write(this.u32(this.arena + abi.A_OUT) + ahead, body);
    this.status = this.call('send', type, body.length, id, age, this.now);
    return this.take();
  }

  answer(id: number, status: number): Told {
    return this.run('answer', id, status);
  }

  renumber(outbox: number, next: number): Told {
    const s = this.slot;
    this.view.setUint32(s + abi.S_C - this.view.getUint8(s + abi.S_HELLO_BYTES) + abi.H_OUTBOX, outbox);
    this.setU32(s + abi.S_LOW, 1);
    this.setU32(s + abi.S_SENT, 0);
    this.setU32(s + abi.S_NEXT, next);
    return this.run('down', abi.DOWN_OUTBOX);
  }

  stop(): Told {
    return this.run('down', abi.DOWN_HOST);
  }

  clockLost(): Told {
    this.view.setUint8(this.slot + abi.S_PINGS, 0);
    this.view.setUint8(this.slot + abi.S_CLOCK_LOST, 1);
    this.call('poll', this.now);
    return this.take();
  }

  /** Does everything that is due; `wait` is the time until the next thing is. */
  poll(): Told & { wait: number } {
    const told: Told = { events: [], output: [] };
    for (let i = 0; i < 100; i++) {
      const wait = this.call('poll', this.now);
      this.add(told, this.take());
      if (wait > 0) return { ...told, wait };
    }
    throw new Error('poll has something due for ever');
  }
}
