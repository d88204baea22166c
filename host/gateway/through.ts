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

/**
 * ms for which an ok may wait while others of its session are under way. One ACK then answers for many messages, and the device sends what follows
 * them in one write too: 100 devices with 16 in flight took 40,669 writes for 192,000 messages without this, and take 14,652 (bridge.through).
 */
const TOGETHER_MS = 5;

const STATUS = { ok: ACK_OK, busy: ACK_BUSY, refused: ACK_REFUSED } as const;

/** What of one session is under way. */
class Course {
  readonly session: Session;
  undecided = 0;
  /** Passes that were broken off: what was under way then comes again. */
  generation = 0;
  /** ok up to this number, and the session does not know it yet; 0: it does. */
  ok = 0;

  constructor(session: Session) {
    this.session = session;
  }

  tell(): void {
    const { ok, session } = this;
    this.ok = 0;
    if (ok > 0 && session.online) session.verdict(ok, ACK_OK);
  }
}

class Passing implements ThroughMessage {
  readonly message: GatewayMessage;
  readonly course: Course;
  readonly #generation: number;
  readonly #up: ThroughUp;

  constructor(up: ThroughUp, course: Course, message: GatewayMessage) {
    this.#up = up;
    this.course = course;
    this.message = message;
    this.#generation = course.generation;
  }

  get suite(): number {
    return this.course.session.suite;
  }

  get wanted(): boolean {
    return this.course.session.online && this.#generation === this.course.generation;
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
  readonly #courses = new WeakMap<Session, Course>();
  /** Those whose ok waits for others. */
  readonly #waiting = new Set<Course>();

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
    const course = this.#courseOf(session);
    course.undecided += 1;
    this.#gauge.messages += 1;
    this.#gauge.bytes += costOf(message.length);
    if (this.bridge.pass(new Passing(this, course, message))) return true;
    this.#leave(course, message);
    return false;
  }

  settled({ course, message, wanted }: Passing, verdict: ThroughVerdict): void {
    const engine = this.#engine, { session } = course;
    this.#leave(course, message);
    // Behind one that was not taken an ok would speak for that one too: those come again, and count then.
    if (wanted && verdict === 'ok') {
      if (!message.skipped) {
        engine.taken += 1;
        engine.passing.up(message);
      }
      this.#remember(session, message.number);
      course.ok = message.number;
    } else if (wanted) {
      course.tell();
      course.generation += 1;
      session.verdict(message.number, STATUS[verdict]);
    }
    if (course.undecided === 0) course.tell();
    else if (course.ok > 0) this.#together(course);
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

  #courseOf(session: Session): Course {
    let course = this.#courses.get(session);
    if (course === undefined) this.#courses.set(session, (course = new Course(session)));
    return course;
  }

  #together(course: Course): void {
    if (this.#waiting.size === 0) this.#engine.clock.after(TOGETHER_MS, this.#tellAll, true);
    this.#waiting.add(course);
  }

  readonly #tellAll = (): void => {
    const courses = [...this.#waiting];
    this.#waiting.clear();
    for (const course of courses) course.tell();
  };

  #leave(course: Course, message: GatewayMessage): void {
    course.undecided -= 1;
    this.#gauge.messages -= 1;
    this.#gauge.bytes -= costOf(message.length);
  }
}
