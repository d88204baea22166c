/** Mode `through`: a message is acknowledged to its device when the broker has acknowledged it. */
import type { ThroughMessage } from '../../gateway/bridge-types.js';
import { suiteName } from '../../names.js';
import type { Connection } from '../connection.js';
import type { Shared } from '../context.js';
import { pack } from '../envelope.js';
import { LOSES, type Content, type Item } from '../lane.js';
import { FAILURE, isForGood, NOBODY } from '../packets.js';
import { secondsLeft } from './inbox-pump.js';

export class ThroughItem implements Item {
  readonly identity: string;
  losses = 0;
  readonly #shared: Shared;
  readonly #passing: ThroughMessage;

  constructor(shared: Shared, passing: ThroughMessage) {
    this.#shared = shared;
    this.#passing = passing;
    this.identity = passing.message.device;
  }

  get wanted(): boolean {
    return this.#passing.wanted;
  }

  content({ version }: Connection): Content | undefined {
    const { message } = this.#passing, { topics, setup: { envelope }, host, counts } = this.#shared, { identity } = this;
    if (message.skipped) return undefined;
    const left = secondsLeft(message.expires, host.clock.unix());
    if (left === 0) {
      counts.expired += 1;
      return undefined;
    }
    const topic = topics.up(identity, message.topic ?? ''), given = message.topic !== undefined;
    if (envelope === 'never' && version === 4) return { topic, payload: message.body, properties: undefined, given };
    const told = {
      'tl-id': message.id.slice(identity.length + 1), 'tl-time': String(message.time), 'tl-trust': message.trust, 'tl-suite': suiteName(this.#passing.suite),
    };
    return { topic, given, ...pack(message.body, told, envelope === 'always' || version === 4, left) };
  }

  settle(reason: number): void {
    const { counts, setup } = this.#shared;
    if (reason === NOBODY) counts.nobody += 1;
    if (reason >= 0 && reason < FAILURE && !(reason === NOBODY && setup.requireSubscriber)) {
      if (!this.#passing.message.skipped) counts.forwarded += 1;
      this.#passing.settle('ok');
      return;
    }
    if (reason >= 0) counts.refused += 1;
    this.#passing.settle(reason === LOSES || isForGood(reason) ? 'refused' : 'busy');
  }
}
