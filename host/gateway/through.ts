/**
 * Messages with acknowledgement that go through to a broker: its acknowledgement is the ACK's reason, and the registry keeps nothing
 * of them. What a device was acknowledged is remembered while this gateway runs, and written when its session ends; after a
 * gateway that was killed the device hears that its outbox is unknown, as of a gateway without a registry.
 */
import { ACK_BUSY, ACK_OK, ACK_REFUSED } from '../../assembly/abi.js';
import { costOf, type Gauge } from '../delivery/handling.js';
import type { Registry, Takeover } from '../registry/types.js';
import type { AttachedBridge, ThroughMessage, ThroughVerdict } from './bridge-types.js';
import type { Engine } from './engine.js';
import type { GatewayMessage } from './message.js';
import type { Peer } from './peer.js';
import type { Session } from './session.js';
import type { Up } from './up.js';

const STATUS = { ok: ACK_OK, busy: ACK_BUSY, refused: ACK_REFUSED } as const;

class Passing implements ThroughMessage {
  readonly message: GatewayMessage;
  /** Passes of this session that were broken off before it began. */
  readonly generation: number;
  readonly session: Session;
  readonly #up: ThroughUp;

  constructor(up: ThroughUp, session: Session, message: GatewayMessage, generation: number) {
    this.#up = up;
    this.session = session;
    this.message = message;
    this.generation = generation;
  }

  get suite(): number {
    return this.session.suite;
  }

  get wanted(): boolean {
    return this.session.online && this.#up.current(this);
  }

  settle(verdict: ThroughVerdict): void {
    this.#up.settled(this, verdict);
  }
}

export class ThroughUp implements Up {
  /** Set once the bridge is attached, before anything can come. */
  bridge!: AttachedBridge;
  readonly #engine: Engine;
  readonly #registry: Registry;
  readonly #gauge: Gauge = { messages: 0, bytes: 0 };
  readonly #generations = new WeakMap<Session, number>();

  constructor(engine: Engine, registry: Registry) {
    this.#engine = engine;
    this.#registry = registry;
  }

  /** The record leaves the database while its device is connected: there it would lag behind, and the device wait for ever behind a gap. */
  async begin(identity: string, outbox: number, keyId: number): Promise<Takeover | undefined> {
    const taken = await this.#registry.takeover(identity, outbox, keyId, { forget: true });
    if (taken === undefined) return undefined;
    const peer = this.#engine.peers.enter(identity);
    if (peer.outbox !== outbox) peer.passed = 0;
    peer.outbox = outbox;
    peer.passed = Math.max(peer.passed, taken.receipts.inLast);
    return { lease: taken.lease, receipts: { ...taken.receipts, inLast: peer.passed } };
  }

  /** Whoever comes next, also to a gateway that was started again in order, finds the record where it was. */
  ended({ lease }: Session, peer: Peer): void {
    if (lease === undefined || peer.passed === 0) return;
    this.#registry.receipt(lease, peer.passed).catch((error: unknown) => this.#engine.failed(error));
  }

  get undecided(): number {
    return this.#gauge.messages;
  }

  take(session: Session, message: GatewayMessage): boolean {
    const engine = this.#engine;
    if (session.lease === undefined || engine.closing || this.#gauge.bytes + costOf(message.length) > engine.limits.uncommitted) return false;
    this.#gauge.messages += 1;
    this.#gauge.bytes += costOf(message.length);
    if (this.bridge.pass(new Passing(this, session, message, this.#generations.get(session) ?? 0))) return true;
    this.#leave(message);
    return false;
  }

  current({ session, generation }: Passing): boolean {
    return (this.#generations.get(session) ?? 0) === generation;
  }

  settled(passing: Passing, verdict: ThroughVerdict): void {
    const engine = this.#engine, { session, message } = passing;
    this.#leave(message);
    // Behind one that was not taken an ok would speak for that one too: those come again, and count then.
    if (passing.wanted) {
      if (verdict === 'ok') {
        if (!message.skipped) {
          engine.taken += 1;
          engine.passing.up(message);
        }
        this.#remember(session, message.number);
      } else {
        this.#generations.set(session, passing.generation + 1);
      }
      session.verdict(message.number, STATUS[verdict]);
    }
    engine.settled();
  }

  told(): void {
    // What stands behind a message that was refused comes again.
  }

  flush(): void {
    // The bridge sends by itself.
  }

  #remember({ id, lease }: Session, number: number): void {
    const peer = this.#engine.peers.get(id);
    if (peer !== undefined && peer.outbox === lease?.outbox) peer.passed = Math.max(peer.passed, number);
  }

  #leave(message: GatewayMessage): void {
    this.#gauge.messages -= 1;
    this.#gauge.bytes -= costOf(message.length);
  }
}
