/** Mode `through`: a message is acknowledged to its device when the broker has acknowledged it. */
import type { ThroughMessage } from '../../gateway/bridge-types.js';
import { placeName } from '../../registry/names.js';
import type { Connection } from '../connection.js';
import type { Shared } from '../context.js';
import { LOSES, type Content, type Item } from '../lane.js';
import { FAILURE, isForGood, NOBODY } from '../packets.js';
import { secondsLeft } from './inbox-pump.js';
import { contentOf } from './reading.js';

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
    const { message, suite } = this.#passing, { host, counts } = this.#shared;
    if (message.skipped) return undefined;
    const left = secondsLeft(message.expires, host.clock.unix());
    if (left === 0) {
      counts.expired += 1;
      return undefined;
    }
    const { topic, time, trust, body, outbox, number } = message;
    return contentOf(this.#shared, version, { identity: this.identity, name: placeName(outbox, number), topic, time, trust, suite, body }, left);
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
