/** Connections on their way in: counted, bounded, and given ten seconds to prove themselves, whatever they speak. */
import { linkBits, type DatagramAcceptor, type HalfOpen, type Link, type LinkTotals } from '../transport/link.js';
import type { Newcomer } from '../transport/newcomer.js';
import type { UdpLink } from '../transport/udp-link.js';
import { Admission } from './admission.js';
import { DatagramSession } from './datagram-session.js';
import type { Engine } from './engine.js';
import { Session } from './session.js';
import type { GatewayLimits } from './types.js';

/** From the connection to the proof, TLS included; the core has the same for the handshake alone. */
const PROOF_MS = 10_000;

export class Entrance implements DatagramAcceptor {
  readonly byNumber = new Map<number, UdpLink>();
  readonly admission: Admission;
  readonly totals: LinkTotals;
  ascii: ((newcomer: Newcomer, first: Buffer) => void) | undefined = undefined;
  connections = 0;
  open = 0;
  /** How many were turned away, by reason: a handful of words. */
  readonly turned: Record<string, number> = {};
  /** Sessions for datagrams of whoever comes next: no connections yet. */
  readonly #expected = new Set<HalfOpen>();
  readonly #engine: Engine;

  constructor(engine: Engine, limits: Required<GatewayLimits>) {
    this.#engine = engine;
    this.totals = engine.totals;
    this.admission = new Admission(limits, engine.clock.now());
  }

  admit(newcomer: HalfOpen): boolean {
    const { closing, clock, log } = this.#engine;
    this.connections += 1;
    if (closing) return false;
    if (!this.admission.makeRoom(this.open)) {
      log.warn(clock.now(), { connections: this.open }, 'no room for a connection');
      return false;
    }
    this.open += 1;
    this.admission.add(newcomer, clock.now());
    return true;
  }

  accept(link: Link, newcomer?: HalfOpen): void {
    const engine = this.#engine;
    const session = new Session(engine, link);
    session.open(engine.core.open(session, linkBits(link), engine.now()));
    link.owner = session;
    if (newcomer === undefined) {
      this.open += 1;
      this.admission.add(session, engine.clock.now());
    } else {
      this.admission.replace(newcomer, session);
    }
  }

  mayHello(address: string): boolean {
    return !this.#engine.closing && this.admission.hello(address, this.#engine.clock.now());
  }

  hasRoom(): boolean {
    // A PROOF that nobody has checked makes nobody give way.
    return !this.#engine.closing && this.open < this.#engine.limits.connections;
  }

  expect(link: UdpLink): void {
    const session = new DatagramSession(this.#engine, link);
    link.owner = session;
    this.#expected.add(session);
  }

  lost(datagrams: number): void {
    this.#engine.dropped += datagrams;
  }

  proved(link: HalfOpen): void {
    if (this.#expected.delete(link)) {
      this.connections += 1;
      this.open += 1;
    }
    this.admission.remove(link);
  }

  left(link: HalfOpen): void {
    if (this.#expected.delete(link)) return;
    this.open -= 1;
    this.admission.remove(link);
  }

  turnedAway(address: string, reason: string, detail?: string): void {
    this.turned[reason] = (this.turned[reason] ?? 0) + 1;
    const { log, clock } = this.#engine;
    if (detail !== undefined) log.warn(clock.now(), { address, detail }, reason);
    this.#engine.refuse({ reason, device: undefined, address, type: 0, id: 0, off: 0 });
  }

  failed(error: Error): void {
    this.#engine.failed(error);
  }

  tick(now: number): void {
    this.admission.expire(now - PROOF_MS);
  }

  /** Keys have changed: handshakes of this identity, or of all, begin anew. */
  refresh(identity: string | undefined): void {
    for (const link of this.admission.all()) if (link instanceof Session) link.refresh(identity);
  }

  /** All that have proved nothing go at once: nothing of theirs was accepted. */
  rejectAll(reason: string): void {
    for (const link of this.admission.all()) link.reject(reason);
  }
}
