/** A message from the gateway, as the application gets it. */
import { FLAG_REPEAT, SKIP, TYPE_MASK } from '../../assembly/abi.js';
import { hasHead, readHead, type TopicTrust } from '../core/topic.js';
import type { DeviceMessage } from './types.js';

export class ReceivedMessage implements DeviceMessage {
  readonly body: Buffer;
  readonly number: number;
  readonly time: number;
  readonly topic: string | undefined = undefined;
  readonly trust: TopicTrust = 'proved';
  readonly #flags: number;
  #done = false;
  #settle: (() => void) | undefined;

  constructor(body: Buffer, number: number, time: number, flags: number) {
    if (hasHead(flags)) {
      const head = readHead(flags, body, 0);
      this.topic = head.topic;
      this.trust = head.trust;
      body = body.subarray(head.bytes);
    }
    this.body = body;
    this.number = number;
    this.time = time;
    this.#flags = flags;
  }

  get length(): number {
    return this.body.length;
  }

  get id(): number {
    return this.number;
  }

  get repeat(): boolean {
    return (this.#flags & FLAG_REPEAT) !== 0;
  }

  /** It takes the place of one that the sender gave up: a receipt without a message. */
  get skipped(): boolean {
    return (this.#flags & TYPE_MASK) === SKIP;
  }

  text(): string {
    return this.body.toString('utf8');
  }

  done(): void {
    this.#done = true;
    this.#settle?.();
    this.#settle = undefined;
  }

  /** @internal */
  get isDone(): boolean {
    return this.#done;
  }

  /** Fulfilled by `done()`. @internal */
  whenDone(): Promise<void> {
    return this.#done ? Promise.resolve() : new Promise((resolve) => (this.#settle = resolve));
  }
}
