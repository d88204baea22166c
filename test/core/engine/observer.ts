// Watches every byte that either side hands to the link, knows the device's key, and notes under which
// (key, counter) each protected frame was sealed. A pair that comes twice is a nonce used twice.

import { hex } from '../../reference/bytes.js';
import { type Direction, open } from '../../reference/frame.js';
import { readHandshakeFrame } from '../../reference/handshake.js';
import { type Schedule, schedule } from '../../reference/keys.js';
import { Refusal } from '../../reference/refusal.js';
import { suiteOfBit } from '../../reference/suites.js';
import { ReplayWindow } from '../../reference/window.js';

interface Watched {
  schedule: Schedule;
  session: number;
  suite: number;
  /** Next counter of each side, as far as was seen. */
  next: { device: bigint; gateway: bigint };
}

export type Sender = 'device' | 'gateway';
export interface Seen {
  key: string;
  counter: bigint;
  type: number;
  body: Uint8Array;
}

export class Observer {
  private readonly hellos: Uint8Array[] = [];
  readonly sessions: Watched[] = [];
  private readonly used = new Map<string, string>();
  /** Device nonces and gateway nonces that were seen. */
  readonly nonces = new Set<string>();
  frames = 0;

  constructor(
    private readonly key: Uint8Array,
    private readonly link: 'stream' | 'datagram',
  ) {}

  /** Returns what the protected frames in these bytes were; throws where a nonce or a (key, counter) comes twice. */
  see(sender: Sender, bytes: Uint8Array): Seen[] {
    const seen: Seen[] = [];
    while (bytes.length > 0) {
      const type = bytes[0]!;
      if (type === 0x81 || type === 0x82 || type === 0x83) bytes = this.handshake(type, bytes);
      else {
        const frame = this.protected(sender, bytes);
        seen.push(frame);
        bytes = bytes.slice(frame.size);
      }
    }
    return seen;
  }

  private handshake(type: number, bytes: Uint8Array): Uint8Array {
    const { body, size } = this.link === 'stream' ? readHandshakeFrame(bytes)! : { body: bytes.slice(1), size: bytes.length };
    if (type === 0x81) {
      const h = body.slice(0, 27 + body[26]!);
      this.fresh(`device ${hex(h.slice(3, 19))}`);
      this.hellos.push(h);
    }
    if (type === 0x82) {
      const c = body.slice(0, 32);
      this.fresh(`gateway ${hex(c.slice(8, 24))}`);
      // Which HELLO it answers shows in its proof.
      for (const h of this.hellos) {
        const keys = schedule(this.key, h, c);
        if (hex(keys.gatewayProof) !== hex(body.slice(32))) continue;
        this.sessions.push({
          schedule: keys, session: new DataView(c.buffer).getUint32(2), suite: c[1]!, next: { device: 0n, gateway: 0n },
        });
      }
    }
    return bytes.slice(size);
  }

  private fresh(nonce: string): void {
    if (this.nonces.has(nonce)) throw new Error(`nonce used twice: ${nonce}`);
    this.nonces.add(nonce);
  }

  private protected(sender: Sender, bytes: Uint8Array): Seen & { size: number } {
    for (const watched of [...this.sessions].reverse()) {
      const keys = sender === 'device' ? watched.schedule.toGateway : watched.schedule.toDevice;
      const direction: Direction = { link: this.link, suite: suiteOfBit(watched.suite)!, session: watched.session, keys };
      // A stream's counter does not travel: the next one, else any that was used before.
      const next = watched.next[sender];
      const candidates = this.link === 'stream' ? Array.from({ length: Number(next) + 1 }, (_, i) => next - BigInt(i)) : [next];
      for (const counter of candidates) {
        try {
          const receiver = { ...direction, next: counter, window: new ReplayWindow(), own: 2 ** 22, life: 2 ** 40, largest: 16_383 };
          const opened = open(receiver, bytes);
          if (!opened) continue;
          const pair = `${hex(keys.key)} ${opened.counter}`;
          if (this.used.has(pair)) throw new Error(`(key, counter) used twice by the ${sender}: counter ${opened.counter}`);
          this.used.set(pair, hex(bytes.slice(0, opened.size)));
          if (opened.counter >= next) watched.next[sender] = opened.counter + 1n;
          this.frames++;
          return { key: hex(keys.key), counter: opened.counter, type: opened.type, body: opened.body, size: opened.size };
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
        }
      }
    }
    throw new Error(`the ${sender} said something under no known key: ${hex(bytes.slice(0, 40))}`);
  }
}
