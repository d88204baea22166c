// What a fuzzing run must have reached: every status, event, refusal and end of a link that the ABI names.

import { Engine, type Event, abi } from '../core/engine/engine.js';

const numbers = abi as unknown as Record<string, number>;
const named = (prefix: RegExp, except: string[] = []) =>
  new Map(Object.keys(numbers).filter((name) => prefix.test(name) && !except.includes(name)).map((name) => [numbers[name]!, name]));

/** What only other machines than device and gateway return and tell: IoTSocket's and the observer's. */
const OTHERS = ['E_TOO_SHORT', 'E_TEXT', 'E_DELIMITER', 'E_PARTIAL', ...Object.keys(numbers).filter((name) => name.startsWith('EV_IOT_'))];

const statuses = new Map([...named(/^E_/, OTHERS), [abi.OK, 'OK'], [abi.MORE, 'MORE']]);
const events = named(/^EV_/, ['EVENT_BYTES', ...OTHERS]);
const refusals = named(/^REFUSED_/, ['REFUSED_COUNT']);
const downs = named(/^DOWN_/);

/** Exports whose results of zero or more are numbers, not statuses. */
const COUNTS = ['arena', 'abi_version', 'gw_arena', 'gw_open', 'gw_rx', 'gw_send', 'gw_tick', 'poll', 'is_identity', 'setup'];

export class Coverage {
  private readonly seen = new Map<string, number>();

  constructor() {
    Engine.watcher = {
      returned: (name, result) => this.returned(name, result),
      told: (event) => this.told(event),
    };
  }

  private count(name: string): void {
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
  }

  private returned(name: string, result: number): void {
    if (result >= 0 && (COUNTS.includes(name) || result > abi.MORE)) return;
    if (name === 'gw_tick' && result === -1) return;
    const status = statuses.get(result);
    if (!status) throw new Error(`${name} returned ${result}, which is no status`);
    this.count(status);
  }

  private told(event: Event): void {
    const name = events.get(event.kind);
    if (!name) throw new Error(`event ${event.kind} is not in the ABI`);
    this.count(name);
    if (event.kind === abi.EV_REFUSED) this.count(this.name(refusals, event.a, 'refusal'));
    if (event.kind === abi.EV_DISCONNECT) this.count(this.name(downs, event.a, 'end of a link'));
  }

  private name(names: Map<number, string>, value: number, what: string): string {
    const name = names.get(value);
    if (!name) throw new Error(`${what} ${value} is not in the ABI`);
    return name;
  }

  /** Names that have not occurred. */
  missing(): string[] {
    return [...statuses.values(), ...events.values(), ...refusals.values(), ...downs.values()].filter((name) => !this.seen.has(name));
  }

  report(): string {
    return [...this.seen].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => `${name} ${count}`).join(', ');
  }

  close(): void {
    Engine.watcher = undefined;
  }
}
