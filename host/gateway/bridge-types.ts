/** What a gateway and a bridge to a broker know of each other. The bridge depends on the gateway, never the other way round. */
import type { Clock } from '../clock.js';
import type { Registry } from '../registry/types.js';
import type { GatewayMessage } from './message.js';
import type { Alarm, GatewayApi, Logger } from './types.js';

/** An option of the gateway; `mqtt()` of tidelock/bridge makes one. */
export interface Bridge {
  /**
   * `inbox`: acknowledged messages are committed, acknowledged, and forwarded. `through`: they are acknowledged when the broker has
   * acknowledged them, and the registry keeps nothing of them.
   */
  readonly mode: 'inbox' | 'through';
  /** Messages are the application's too: `messages()` gives them, and they stay until both are done with them. */
  readonly app: boolean;
  /** Called once, before the gateway listens. Rejected where it can never work; a broker that is away is no such reason. */
  attach(host: BridgeHost): Promise<AttachedBridge>;
}

export interface BridgeHost {
  readonly gateway: GatewayApi;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  /** Something was queued for a device: `next` goes to its core, and it is given up when its `lifetime` (ms) is over. */
  queued(identity: string, next: number, lifetime: number): void;
  /** Number of the lease of the session that stands; undefined: there is none here. */
  epoch(identity: string): number | undefined;
  alarm(alarm: Alarm): void;
  failed(error: unknown): void;
}

/** What became of a message that goes through. `busy`: it comes again. `refused`: the broker will never take it. */
export type ThroughVerdict = 'ok' | 'busy' | 'refused';

/** A message that goes through: acknowledged when the broker has it. */
export interface ThroughMessage {
  readonly message: GatewayMessage;
  /** Bit of the suite that it came under. */
  readonly suite: number;
  /** False: the session is over; what the broker says of it is of no use to anybody. */
  readonly wanted: boolean;
  /** Called once, messages of one session in order. */
  settle(verdict: ThroughVerdict): void;
}

export interface AttachedBridge {
  /** In mode `through`. False: no room; the device hears busy. */
  pass(message: ThroughMessage): boolean;
  /** Stops taking anything in, waits at most `ms` for what is under way, and parts from the broker. */
  close(ms: number): Promise<void>;
}
