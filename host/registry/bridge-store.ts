/** The registry's part for a bridge, over the same groups of operations as all else: commands and messages share their flushes. */
import { badOption, checkInteger } from '../options.js';
import { isTopicFilter } from '../topic-filter.js';
import type {
  BridgeEvent, BridgeInfo, BridgeStore, Command, CommandResult, DeadLetter, FanOutRule, KeeperLease, RuleChange, Subscription, TakenCommand,
} from './bridge-types.js';
import { MOST_IDENTITIES } from './engine/bridge/limits.js';
import type { DeadLetterData } from './engine/bridge/operations.js';
import type { Groups } from './groups.js';
import { messageName } from './names.js';

const MOST_ROWS = 10_000;
/** Of all devices together. */
const MOST_SUBSCRIPTIONS = 100_000;

export interface BridgeStoreSetup {
  gateway: string;
  now(): number;
  tell(event: BridgeEvent): void;
}

export class SqlBridgeStore implements BridgeStore {
  readonly #groups: Groups;
  readonly #setup: BridgeStoreSetup;

  constructor(groups: Groups, setup: BridgeStoreSetup) {
    this.#groups = groups;
    this.#setup = setup;
  }

  keep(name: string): Promise<{ lease: KeeperLease; seen: number } | undefined> {
    const { gateway } = this.#setup;
    return this.#groups.call('keep', { name, gateway, now: this.#setup.now() }, (kept) =>
      kept && { lease: Object.freeze({ name, epoch: kept.epoch }), seen: kept.seen });
  }

  renewKeeper(lease: KeeperLease, drained: boolean): Promise<boolean> {
    return this.#groups.call('renewKeeper', { lease, drained, now: this.#setup.now() }, same);
  }

  intake(lease: KeeperLease, commands: readonly Command[]): Promise<TakenCommand[] | undefined> {
    return this.#groups.call('intake', { lease, commands, now: this.#setup.now() }, same);
  }

  async results({ after = 0, limit = 64 }: { after?: number; limit?: number } = {}): Promise<CommandResult[]> {
    return this.#groups.call('results', { after, limit: rowLimit(limit) }, same);
  }

  told(positions: readonly number[]): Promise<void> {
    if (positions.length === 0) return Promise.resolve();
    return this.#groups.call('told', { positions: [...positions] }, same);
  }

  dead(position: number, reason: string): Promise<boolean> {
    return this.#groups.call('dead', { position, reason, now: this.#setup.now() }, same);
  }

  async deadLetters({ after = 0, limit = 100 }: { after?: number; limit?: number } = {}): Promise<DeadLetter[]> {
    return this.#groups.call('deadLetters', { after, limit: rowLimit(limit) }, (rows) => rows.map(deadLetter));
  }

  retry(positions: readonly number[] | 'all'): Promise<number> {
    return this.#groups.call('retry', { positions: positions === 'all' ? undefined : [...positions] }, (count) => {
      if (count > 0) this.#setup.tell({ change: 'retried' });
      return count;
    });
  }

  subscriptions(identity?: string): Promise<Subscription[]> {
    return this.#groups.call('subscriptions', { identity, limit: MOST_SUBSCRIPTIONS }, same);
  }

  async subscribe(identity: string, filter: string): Promise<boolean> {
    checkFilter(filter);
    return this.#groups.call('subscribe', { identity, filter }, (changed) => this.#changed(changed, 'subscriptions'));
  }

  unsubscribe(identity: string, filter: string): Promise<boolean> {
    return this.#groups.call('unsubscribe', { identity, filter }, (changed) => this.#changed(changed, 'subscriptions'));
  }

  rules(): Promise<FanOutRule[]> {
    return this.#groups.call('rules', {}, same);
  }

  async addRule({ filter, identities }: FanOutRule): Promise<void> {
    checkFilter(filter);
    checkInteger('identities', identities.length, 1, MOST_IDENTITIES);
    return this.#groups.call('addRule', { filter, identities: [...new Set(identities)] }, () => void this.#changed(true, 'rules'));
  }

  async extendRule({ filter, identities }: FanOutRule): Promise<RuleChange> {
    checkFilter(filter);
    checkInteger('identities', identities.length, 1, MOST_IDENTITIES);
    return this.#groups.call('extendRule', { filter, identities: [...identities] }, (done) => this.#ruleChanged(done));
  }

  shrinkRule(filter: string, identities?: readonly string[]): Promise<RuleChange> {
    return this.#groups.call('shrinkRule', { filter, identities: identities === undefined ? undefined : [...identities] }, (done) => this.#ruleChanged(done));
  }

  removeRule(filter: string): Promise<boolean> {
    return this.#groups.call('removeRule', { filter }, (changed) => this.#changed(changed, 'rules'));
  }

  info(): Promise<BridgeInfo> {
    return this.#groups.call('bridgeInfo', {}, same);
  }

  #ruleChanged(done: RuleChange): RuleChange {
    this.#changed(done.changed > 0, 'rules');
    return done;
  }

  #changed(changed: boolean, change: BridgeEvent['change']): boolean {
    if (changed) this.#setup.tell({ change });
    return changed;
  }
}

function same<R>(value: R): R {
  return value;
}

function rowLimit(limit: number): number {
  return checkInteger('limit', limit, 1, MOST_ROWS);
}

/** What comes by a shared subscription has a topic that the filter does not name (MQTT 5.0, section 4.8.2): it would be taken from the others, and dropped. */
const SHARED = /^\$(share|queue)\//;

function checkFilter(filter: string): void {
  if (!isTopicFilter(filter)) throw badOption('filter', filter, 'it must be an MQTT topic filter, such as plant/+/weather or news/#');
  if (SHARED.test(filter)) throw badOption('filter', filter, 'a shared subscription takes messages away from others; name the topics alone');
}

function deadLetter({ outbox, id, body, topic, ...row }: DeadLetterData): DeadLetter {
  return { ...row, topic: topic ?? undefined, message: messageName(row.identity, outbox, id), body: Buffer.from(body.buffer, body.byteOffset, body.length) };
}
