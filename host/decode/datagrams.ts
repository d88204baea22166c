/** Datagrams read along: one packet, one frame; its session's number says whose it is. */
import * as abi from '../../assembly/abi.js';
import { DiscoveryCore, type DiscoveryFrame } from '../core/discovery.js';
import type { Direction } from '../core/observer.js';
import type { Context } from './context.js';
import { DATAGRAM_HEAD, frameOf, Session } from './session.js';
import type { Where } from './types.js';
import { foreignName, linkName, refusalName } from './words.js';

/** Handshakes that wait for their CHALLENGE, and sessions: beyond it the one that was longest silent is forgotten. */
const MOST_PENDING = 1_024;
const MOST_SESSIONS = 4_096;

interface Known {
  session: Session;
  slot: number;
  keyId: number;
  device: string | undefined;
  gateway: string | undefined;
  /** Entries in the two maps. */
  entries: number;
}

export class DatagramConversation {
  /** By the address of the device; all under one name where no addresses are known. */
  readonly #pending = new Map<string, Known>();
  readonly #sessions = new Map<number, Known>();

  #discovery: DiscoveryCore | undefined;

  constructor(private readonly context: Context) {}

  datagram(bytes: Buffer, where: Where, given?: Direction): void {
    if (bytes.length === 0) return this.context.note('fault', where, 'an empty datagram');
    const first = bytes[0]!;
    const foreign = foreignName(first);
    if (foreign !== undefined) return this.context.note('other', where, `the datagram begins with 0x${first.toString(16).padStart(2, '0')}: ${foreign}`);
    const frame = frameOf(first, 'datagram', bytes.length, where);
    const body = bytes.subarray(1);
    const at = Math.floor(where.at ?? 0);
    let known: Known | undefined;
    if (first === (abi.HELLO | abi.FLAG_NATIVE)) {
      known = this.#begin(where, where.from, where.to);
      const told = known.session.hello(body);
      known.keyId = Number(told.fields['keyId'] ?? 0);
      Object.assign(frame, told, { direction: 'to gateway', bytes: body.length });
    } else if (first === (abi.CHALLENGE | abi.FLAG_NATIVE)) {
      known = this.#pending.get(where.to ?? '') ?? this.#begin(where, where.to, where.from);
      Object.assign(frame, known.session.challenge(body, at, known.keyId), { direction: 'to device', bytes: body.length });
      this.#keep(known);
    } else if (first === (abi.PROOF | abi.FLAG_NATIVE)) {
      known = this.#proved(body, where);
      Object.assign(frame, known.session.proof(body, at), { direction: 'to gateway', bytes: body.length });
      this.#keep(known);
    } else if (first === (abi.DISCOVER | abi.FLAG_NATIVE) || first === (abi.OFFER | abi.FLAG_NATIVE)) {
      Object.assign(frame, discoveryFields((this.#discovery ??= new DiscoveryCore()).read(bytes)), { bytes: body.length });
    } else if (bytes.length < DATAGRAM_HEAD) {
      Object.assign(frame, { verdict: 'refused', why: refusalName(abi.REFUSED_MALFORMED) });
    } else {
      const number = bytes.readUInt32BE(1);
      known = this.#sessions.get(number);
      if (known) {
        this.#sessions.delete(number);
        this.#sessions.set(number, known); // the last one heard is the last to be forgotten
      }
      Object.assign(frame, this.#protected(known, bytes, where, given, at), { session: number });
    }
    this.context.frame(frame, known?.session);
  }

  end(): void {
    for (const [name, known] of this.#pending) this.#forget(this.#pending, name, known);
    for (const [number, known] of this.#sessions) this.#forget(this.#sessions, number, known);
  }

  #protected(known: Known | undefined, bytes: Buffer, where: Where, given: Direction | undefined, at: number): object {
    if (known) return known.session.frame(bytes, given ?? direction(known, where), 0, at, undefined);
    return {
      counter: bytes.readUInt16BE(5), time: bytes.readUIntBE(7, 3), timeBits: 24, bytes: Math.max(0, bytes.length - DATAGRAM_HEAD - 16),
      verdict: 'unknown', why: 'the handshake of its session was not seen',
    };
  }

  #begin(where: Where, device: string | undefined, gateway: string | undefined): Known {
    const name = device ?? '';
    const before = this.#pending.get(name);
    if (before) this.#forget(this.#pending, name, before);
    if (this.#pending.size >= MOST_PENDING) this.#forgetOldest(this.#pending);
    const slot = this.context.claim();
    const session = new Session(this.context.observer, slot, this.context.keys, 'datagram', where.at !== undefined);
    const known: Known = { session, slot, keyId: 0, device, gateway, entries: 1 };
    this.#pending.set(name, known);
    return known;
  }

  /** The handshake that this PROOF belongs to: by its session's number, else the sender's own, else a new one. */
  #proved(body: Buffer, where: Where): Known {
    const h = body.length > abi.H_ID ? abi.H_ID + body[abi.H_ID_BYTES]! : body.length;
    const number = body.length >= h + abi.S_SESSION - abi.S_C + 4 ? body.readUInt32BE(h + abi.S_SESSION - abi.S_C) : undefined;
    const known = number === undefined ? undefined : this.#sessions.get(number);
    return known ?? this.#pending.get(where.from ?? '') ?? this.#begin(where, where.from, where.to);
  }

  /** From here on its number finds it. */
  #keep(known: Known): void {
    const { number } = known.session;
    if (number === undefined) return;
    const before = this.#sessions.get(number);
    if (before === known) return;
    if (before) this.#forget(this.#sessions, number, before);
    if (this.#sessions.size >= MOST_SESSIONS) this.#forgetOldest(this.#sessions);
    this.#sessions.set(number, known);
    known.entries += 1;
  }

  #forgetOldest<K>(map: Map<K, Known>): void {
    const [oldest] = map;
    if (oldest) this.#forget(map, ...oldest);
  }

  #forget<K>(map: Map<K, Known>, key: K, known: Known): void {
    map.delete(key);
    known.entries -= 1;
    if (known.entries === 0) this.context.release(known.slot);
  }
}

/** Anybody on the link may say such things: no key is behind them. */
function discoveryFields(read: DiscoveryFrame | undefined): object {
  if (read === undefined) return { verdict: 'refused', why: refusalName(abi.REFUSED_MALFORMED) };
  const fields = { token: read.token.toString('hex'), ...(read.type === 'offer' ? { name: read.name, links: read.links.map(({ link, port }) => `${linkName(link)} ${port}`).join(', ') } : {}) };
  return { direction: read.type === 'offer' ? 'to device' : 'to gateway', verdict: 'unknown', why: 'nothing in it is proven', fields };
}

function direction({ device, gateway }: Known, { from, to }: Where): Direction | undefined {
  if (from === undefined) return undefined;
  if (from === device || to === gateway) return 'to gateway';
  return to === device || from === gateway ? 'to device' : undefined; // a device whose address changed is told by its tag
}
