/** What the registry asks of its engine for a bridge. `now` is Unix ms. */
import type { BridgeInfo, Command, CommandResult, FanOutRule, KeeperLease, RuleChange, Subscription, TakenCommand } from '../../bridge-types.js';

export interface DeadLetterData {
  position: number;
  identity: string;
  outbox: number;
  id: number;
  topic: string | null;
  time: number;
  repeat: boolean;
  body: Uint8Array;
  reason: string;
  at: number;
}

export interface BridgeOperationMap {
  keep: [params: { name: string; gateway: string; now: number }, result: { epoch: number; seen: number } | undefined];
  renewKeeper: [params: { lease: KeeperLease; drained: boolean; now: number }, result: boolean];
  intake: [params: { lease: KeeperLease; commands: readonly Command[]; now: number }, result: TakenCommand[] | undefined];
  results: [params: { after: number; limit: number }, result: CommandResult[]];
  told: [params: { positions: readonly number[] }, result: void];
  dead: [params: { position: number; reason: string; now: number }, result: boolean];
  deadLetters: [params: { after: number; limit: number }, result: DeadLetterData[]];
  retry: [params: { positions: readonly number[] | undefined }, result: number];
  subscriptions: [params: { identity: string | undefined; limit: number }, result: Subscription[]];
  subscribe: [params: { identity: string; filter: string }, result: boolean];
  unsubscribe: [params: { identity: string; filter: string }, result: boolean];
  rules: [params: Record<string, never>, result: FanOutRule[]];
  addRule: [params: FanOutRule, result: void];
  extendRule: [params: FanOutRule, result: RuleChange];
  shrinkRule: [params: { filter: string; identities: readonly string[] | undefined }, result: RuleChange];
  removeRule: [params: { filter: string }, result: boolean];
  bridgeInfo: [params: Record<string, never>, result: BridgeInfo];
}
