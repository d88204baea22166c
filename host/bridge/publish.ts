/** What an application publishes by the bridge's connections. */
import { TidelockError } from '../errors.js';
import type { Content, Item } from './lane.js';
import { DROPPED, FAILURE, reasonText } from './packets.js';

export interface PublishOptions {
  readonly retain?: boolean;
}

export class PublishItem implements Item {
  /** Those under one topic keep their order. */
  readonly identity: string;
  losses = 0;
  readonly wanted = true;
  readonly #content: Content;
  readonly #resolve: () => void;
  readonly #reject: (error: TidelockError) => void;

  constructor(topic: string, payload: string | Buffer, { retain = false }: PublishOptions, resolve: () => void, reject: (error: TidelockError) => void) {
    this.identity = topic;
    this.#content = { topic, payload, properties: undefined, retain, given: true };
    this.#resolve = resolve;
    this.#reject = reject;
  }

  content(): Content {
    return this.#content;
  }

  settle(reason: number): void {
    if (reason !== DROPPED && reason < FAILURE) this.#resolve();
    else this.#reject(new TidelockError('BROKER_REFUSED', { topic: this.#content.topic, reason: reasonText(reason) }));
  }
}
