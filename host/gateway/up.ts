/**
 * Messages with acknowledgement on their way up. With a registry they are committed together with their receipts before
 * their ACK leaves; without one the application's handlers decide.
 */
import { ACK_BUSY, ACK_OK, CLOSE_TAKEN_OVER } from '../../assembly/abi.js';
import { Handling, NOBODY, costOf, isPromise, type Gauge } from '../delivery/handling.js';
import { TidelockError } from '../errors.js';
import type { Received, Registry } from '../registry/types.js';
import type { Engine } from './engine.js';
import type { GatewayMessage } from './message.js';
import type { Session } from './session.js';
import type { VolatileStore } from './volatile-store.js';

export interface Up {
  /** False: no room; the device hears busy. */
  take(session: Session, message: GatewayMessage): boolean;
  /** The core knows the session's last verdict other than ok. */
  told(session: Session): void;
  /** End of a tick. */
  flush(): void;
  /** Messages without a verdict. */
  readonly undecided: number;
}

/** Group commit: all that came in one tick, whoever sent it, in one call; the registry joins what waits into one transaction. */
export class DurableUp implements Up {
  readonly #engine: Engine;
  readonly #registry: Registry;
  readonly #gauge: Gauge = { messages: 0, bytes: 0 };
  #messages: Received[] = [];
  #sessions: Session[] = [];

  constructor(engine: Engine, registry: Registry) {
    this.#engine = engine;
    this.#registry = registry;
  }

  get undecided(): number {
    return this.#gauge.messages;
  }

  take(session: Session, message: GatewayMessage): boolean {
    const { lease } = session, engine = this.#engine;
    if (lease === undefined || engine.closing || this.#gauge.bytes + costOf(message.length) > engine.limits.uncommitted) return false;
    this.#gauge.messages += 1;
    this.#gauge.bytes += costOf(message.length);
    this.#messages.push({
      lease, id: message.number, time: message.time, repeat: message.repeat, topic: message.topic, expires: message.expires,
      suite: session.suite,
      body: message.skipped ? undefined : message.body,
    });
    this.#sessions.push(session);
    return true;
  }

  told(): void {
    // The registry remembers what it has taken.
  }

  flush(): void {
    const messages = this.#messages, sessions = this.#sessions;
    if (messages.length === 0) return;
    this.#messages = [];
    this.#sessions = [];
    let bytes = 0;
    for (const { body } of messages) bytes += costOf(body?.length ?? 0);
    const over = (): void => {
      this.#gauge.messages -= messages.length;
      this.#gauge.bytes -= bytes;
      this.#engine.settled();
    };
    this.#registry.commit(messages).then(
      (verdicts) => {
        verdicts.forEach((verdict, i) => {
          const session = sessions[i]!, { id, lease, body } = messages[i]!;
          if (verdict === 'durable' && body !== undefined) {
            this.#engine.taken += 1;
            this.#engine.passing.committed(messages[i]!);
          }
          if (session.lease !== lease || !session.online) return;
          if (verdict === 'durable') session.verdict(id, ACK_OK);
          else if (verdict === 'full') session.verdict(id, ACK_BUSY);
          else if (verdict === 'superseded') session.close(CLOSE_TAKEN_OVER);
        });
        over();
      },
      (cause: unknown) => {
        this.#engine.failed(new TidelockError('COMMIT_FAILED', { reason: String((cause as Error)?.message ?? cause) }, { cause }));
        const told = new Set<Session>();
        messages.forEach(({ id, lease }, i) => {
          const session = sessions[i]!;
          if (told.has(session) || session.lease !== lease || !session.online) return;
          told.add(session);
          session.verdict(id, ACK_BUSY); // it and what follows it come again
        });
        over();
      },
    );
  }
}

/** Without a registry: one message of a device after the other goes to the listeners of `message`. */
export class VolatileUp implements Up {
  readonly #engine: Engine;
  readonly #store: VolatileStore;
  readonly #gauge: Gauge = { messages: 0, bytes: 0 };

  constructor(engine: Engine, store: VolatileStore) {
    this.#engine = engine;
    this.#store = store;
  }

  get undecided(): number {
    return this.#gauge.messages;
  }

  take(session: Session, message: GatewayMessage): boolean {
    const engine = this.#engine, peer = engine.peers.get(session.id)!;
    const { number, outbox } = message;
    // A handler that outlived the session before may have decided meanwhile.
    if (number <= this.#store.last(peer.identity, outbox)) {
      session.verdict(number, ACK_OK);
      return true;
    }
    const { refused } = peer;
    if (refused !== undefined && refused.outbox === outbox && refused.number === number && !message.skipped) {
      session.verdict(number, refused.status);
      return true;
    }
    if (engine.closing || this.#gauge.bytes + costOf(message.length) > engine.limits.uncommitted) return false;
    const handling = (peer.handling ??= new Handling<GatewayMessage>({
      handle: (taken) => this.#handle(taken),
      settled: (taken, status, error) => this.#settled(taken, status, error),
    }, this.#gauge));
    handling.push(message);
    return true;
  }

  told(session: Session): void {
    this.#engine.peers.get(session.id)?.handling?.unblock();
  }

  flush(): void {
    // Nothing is collected here.
  }

  #handle(message: GatewayMessage): unknown {
    if (message.skipped) return undefined;
    const { list } = this.#engine.subscribers;
    if (list.length === 0) return NOBODY;
    let waits: PromiseLike<unknown>[] | undefined;
    for (const listener of list) {
      const result = listener(message);
      if (isPromise(result)) (waits ??= []).push(result);
    }
    return waits && Promise.all(waits).then(() => undefined);
  }

  #settled(message: GatewayMessage, status: number, error: unknown): void {
    const engine = this.#engine, peer = engine.peers.get(message.device);
    const { outbox, number } = message;
    if (error !== undefined) engine.handlerFailed(error);
    if (status === ACK_OK) {
      if (!message.skipped) engine.taken += 1;
      engine.passing.up(message);
      this.#store.taken(message.device, outbox, number);
    } else if (status !== ACK_BUSY && peer !== undefined) {
      peer.refused = { outbox, number, status };
    }
    const session = peer?.live;
    if (session?.lease?.outbox === outbox) session.verdict(number, status);
    else peer?.handling?.unblock();
    engine.settled();
  }
}
