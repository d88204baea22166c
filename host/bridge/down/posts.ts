/** What wants no acknowledgement goes to a device that is connected, or nowhere. */
import type { Received } from '../connection.js';
import type { Shared } from '../context.js';
import { openMessage } from './commands.js';

export class Posts {
  readonly #shared: Shared;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** A command at QoS 0. Retained it is as good as none: it would come again at every subscription. */
  command(identity: string, sub: string, message: Received): void {
    if (message.retain) return this.#shared.counts.commandRefused('retained');
    this.#post(identity, openMessage(message).body, sub);
  }

  /** To a device that has no queue. */
  push(identity: string, body: Uint8Array): void {
    this.#post(identity, body, '');
  }

  #post(identity: string, body: Uint8Array, topic: string): void {
    const { host: { gateway }, counts, setup: { secure } } = this.#shared;
    let sent = false;
    try {
      sent = gateway.post(identity, body, topic === '' ? {} : { topic, trust: secure ? 'tls' : 'none' });
    } catch {
      // longer than any device takes, or no topic that it could be told
    }
    if (sent) counts.downPosted += 1;
    else counts.downDropped += 1;
  }
}
