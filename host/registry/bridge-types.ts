/** What the registry keeps for a bridge between devices and an MQTT broker. Instants are Unix ms. */

/** How a command from the broker ended, as its sender is told. `expired`: it was never sent. `in doubt`: it was, and may have been obeyed. */
export type ResultHow =
  | 'delivered' | 'refused' | 'too long' | 'no target' | 'queue full' | 'expired' | 'age unknown' | 'in doubt' | 'cancelled' | 'replaced';

/** A command as the broker handed it over. */
export interface Command {
  readonly identity: string;
  /** What stands behind `down/` in its topic; empty: nothing. */
  readonly topic: string;
  /** How far the broker can be trusted, by number (TRUSTS of core/topic.ts); told to the device with the topic. */
  readonly trust: number;
  readonly body: Uint8Array;
  /** When its sender made it, and when it is to be given up. */
  readonly made: number;
  readonly deadline: number;
  /** By what it is known to come again; empty: by nothing, so it may be queued twice. */
  readonly once: string;
  /** Supersedes an unsent command to the same device under the same word. Empty: none. */
  readonly replaces: string;
  /** Where its result goes; empty: to the device's own topic of results. */
  readonly response: string;
  readonly correlation: Uint8Array;
  readonly tlId: string;
  /** It is not to be queued: how and why its sender is told. */
  readonly refusal?: { readonly how: ResultHow; readonly reason: string };
}

/** What became of a command. `repeat`: it was taken before, and nothing was queued. */
export interface TakenCommand {
  readonly how: 'queued' | 'repeat' | ResultHow;
  /** Stable name in the queue; empty: it is not there. */
  readonly message: string;
  /** For the core's `queued`, where the device is connected. */
  readonly next: number;
}

/** A result on its way to the broker. */
export interface CommandResult {
  readonly position: number;
  readonly identity: string;
  readonly message: string;
  readonly response: string;
  readonly correlation: Uint8Array;
  readonly tlId: string;
  readonly how: ResultHow;
  /** In words, where `how` does not say all. */
  readonly reason: string;
  readonly at: number;
}

/** The right to take commands in. */
export interface KeeperLease {
  readonly name: string;
  readonly epoch: number;
}

export interface DeadLetter {
  readonly position: number;
  readonly message: string;
  readonly identity: string;
  readonly topic: string | undefined;
  readonly time: number;
  readonly repeat: boolean;
  readonly body: Buffer;
  /** Why the broker does not take it. */
  readonly reason: string;
  readonly at: number;
}

export interface Subscription {
  readonly identity: string;
  /** An MQTT topic filter. */
  readonly filter: string;
}

/** What comes under `filter` is queued for each of `identities`: a command to each of them. */
export interface FanOutRule {
  readonly filter: string;
  readonly identities: readonly string[];
}

/** Devices that came into a rule, or went, and those that are in it now. */
export interface RuleChange {
  readonly changed: number;
  readonly left: number;
}

export interface BridgeInfo {
  readonly deadLetters: { readonly count: number; readonly bytes: number };
  /** Commands whose senders wait for their end, and results that the broker has not taken yet. */
  readonly commands: number;
  readonly results: number;
}

export interface BridgeEvent {
  readonly change: 'results' | 'subscriptions' | 'rules' | 'retried';
}

export interface BridgeStore {
  /**
   * Takes the lease of a keeper: the gateway's own, a free one, or one whose holder has not renewed it for 10 s. Undefined: another
   * holds it. `seen`: when a holder last had taken in all that the broker held for it; 0: never.
   */
  keep(name: string): Promise<{ lease: KeeperLease; seen: number } | undefined>;
  /** `drained`: all that the broker held was taken in. False: the lease has ended. */
  renewKeeper(lease: KeeperLease, drained: boolean): Promise<boolean>;

  /**
   * Takes commands in, in order, in one transaction: each once. Undefined: the lease has ended and nothing was written. Rejected with
   * QUEUE_FULL where too many results wait for the broker: nothing was written, to be called again.
   */
  intake(lease: KeeperLease, commands: readonly Command[]): Promise<TakenCommand[] | undefined>;

  /** Results behind `after`, in order; at most `limit` (default 64). */
  results(options?: { after?: number; limit?: number }): Promise<CommandResult[]>;
  /** The broker has them. */
  told(positions: readonly number[]): Promise<void>;

  /** Moves a row of the inbox to the dead letters. False: there is no room for it, and it stays. */
  dead(position: number, reason: string): Promise<boolean>;
  /** Oldest first, behind `after` (default 0); default limit 100. */
  deadLetters(options?: { after?: number; limit?: number }): Promise<DeadLetter[]>;
  /** Puts dead letters back into the inbox, for the bridge. Fulfilled with how many. */
  retry(positions: readonly number[] | 'all'): Promise<number>;

  /** Which further topics reach a device, without acknowledgement, while it is connected. Of one identity, or all; at most 100,000. */
  subscriptions(identity?: string): Promise<Subscription[]>;
  /** False: it was so already. Rejected with DEVICE_UNKNOWN, BAD_OPTION, QUEUE_FULL (100 a device). */
  subscribe(identity: string, filter: string): Promise<boolean>;
  unsubscribe(identity: string, filter: string): Promise<boolean>;

  /** Durable fan-out. */
  rules(): Promise<FanOutRule[]>;
  /** Adds or replaces the rule of a filter. At most 1,000 identities. Rejected with BAD_OPTION, DEVICE_UNKNOWN. */
  addRule(rule: FanOutRule): Promise<void>;
  /** Adds identities to the rule of a filter, which is made where there is none. At most 1,000. Rejected with BAD_OPTION, DEVICE_UNKNOWN. */
  extendRule(rule: FanOutRule): Promise<RuleChange>;
  /** Takes identities out of the rule of a filter, without a list all of them. The rule goes with the last. */
  shrinkRule(filter: string, identities?: readonly string[]): Promise<RuleChange>;
  removeRule(filter: string): Promise<boolean>;

  info(): Promise<BridgeInfo>;
}
