/** Messages as they pass, for whoever watches: `gateway.on('passing')`. Nobody watching costs one look at an empty list. */
import { FLAG_REPEAT, FLAG_WANTED } from '../../assembly/abi.js';
import { hasHead, readHead } from '../core/topic.js';
import type { Subscribers } from '../delivery/subscribers.js';
import type { Received } from '../registry/types.js';
import { messageName } from '../registry/names.js';
import type { GatewayMessage } from './message.js';
import type { PassingMessage } from './types.js';

export type PassingHandler = (message: PassingMessage) => void;

export class Passing {
  readonly #subscribers: Subscribers<PassingHandler>;
  readonly #failed: (error: unknown) => void;

  constructor(subscribers: Subscribers<PassingHandler>, failed: (error: unknown) => void) {
    this.#subscribers = subscribers;
    this.#failed = failed;
  }

  get watched(): boolean {
    return this.#subscribers.list.length > 0;
  }

  /** A message that the application, or the broker, was handed. */
  up(message: GatewayMessage): void {
    if (!this.watched || message.skipped) return;
    const { device, id, time, body, topic, repeat, trust } = message;
    this.#tell({ direction: 'up', device, id, time, body, topic, repeat, trust });
  }

  /** One that is in the inbox now. */
  committed({ lease: { identity, outbox }, id, time, body, topic, repeat, trust = 'proved' }: Received): void {
    if (!this.watched || body === undefined) return;
    this.#tell({
      direction: 'up', device: identity, id: messageName(identity, outbox, id), time, body: Buffer.from(body.buffer, body.byteOffset, body.length), topic, repeat, trust,
    });
  }

  /** A frame for a device was handed to its session. `body`: the whole one; `id` empty: it wants no acknowledgement. */
  down(device: string, id: string, time: number, type: number, body: Uint8Array): void {
    if (!this.watched) return;
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.length), head = hasHead(type) ? readHead(type | FLAG_WANTED, bytes, 0) : undefined;
    this.#tell({
      direction: 'down', device, id, time, body: head === undefined ? bytes : bytes.subarray(head.bytes), topic: head?.topic,
      repeat: (type & FLAG_REPEAT) !== 0, trust: head?.trust ?? 'proved',
    });
  }

  #tell(message: PassingMessage): void {
    for (const handler of this.#subscribers.list) {
      try {
        handler(message);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
