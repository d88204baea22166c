/** Whether the gateway can do its work now: its listeners stand, it is not closing, its database commits; and what of the broker. */
import type { MqttCounters } from '../bridge/types.js';
import type { GatewayApi } from '../gateway/types.js';
import type { Registry } from '../registry/types.js';
import { within } from './within.js';

/** ms for a commit; one that takes longer keeps every ACK waiting as long. */
const PATIENCE = 2_000;

/** ms for which an answer holds: each costs a flush to the disk, and anybody who reaches the port may ask. */
const KEPT = 5_000;

/** What `mqtt()` made. */
export interface BrokerWatch {
  readonly mode: 'inbox' | 'through';
  counters(): Pick<MqttCounters, 'version' | 'connections' | 'wanted' | 'probesFailed'>;
}

export interface Answer {
  readonly ready: boolean;
  /** The first says `ready` or why not; then one of the broker, where there is a bridge. */
  readonly lines: readonly string[];
}

export class Readiness {
  /** Set where the program is about to close the gateway. */
  closing = false;
  readonly #gateway: Pick<GatewayApi, 'addresses' | 'closing'>;
  readonly #registry: Pick<Registry, 'probe'> | undefined;
  readonly #broker: BrokerWatch | undefined;
  #asked = -Infinity;
  #answer: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(gateway: Pick<GatewayApi, 'addresses' | 'closing'>, registry: Pick<Registry, 'probe'> | undefined, broker?: BrokerWatch) {
    this.#gateway = gateway;
    this.#broker = broker;
    this.#registry = registry;
  }

  async answer(now: number): Promise<Answer> {
    const fault = await this.fault(now), broker = this.#broker;
    if (broker === undefined || this.closing || this.#gateway.closing) return { ready: fault === undefined, lines: [fault ?? 'ready'] };
    const { away, line } = brokerState(broker);
    // In mode `inbox` messages are taken without the broker; in mode `through` none is acknowledged until it is back.
    const stops = away && broker.mode === 'through';
    if (fault === undefined && stops) return { ready: false, lines: [line] };
    return { ready: fault === undefined, lines: [fault ?? 'ready', line] };
  }

  /** What it is not ready for, the broker apart; undefined: it is. `now`: monotonic ms. */
  async fault(now: number): Promise<string | undefined> {
    if (this.closing || this.#gateway.closing) return 'closing';
    if (this.#gateway.addresses.length === 0) return 'no listener';
    if (this.#registry === undefined) return undefined;
    if (now - this.#asked >= KEPT) {
      this.#asked = now;
      this.#answer = within(PATIENCE, this.#registry.probe()).then(() => undefined, (error: unknown) => `database: ${reason(error)}`);
    }
    return this.#answer;
  }
}

function brokerState(broker: BrokerWatch): { away: boolean; line: string } {
  const { mode } = broker, { version, connections, wanted, probesFailed } = broker.counters();
  if (version === 0) return { away: true, line: `broker: no connection, ${mode === 'inbox' ? 'messages wait in the inbox' : 'no message is acknowledged'}` };
  const some = connections < wanted ? `${connections} of ${wanted} connections` : 'connected';
  return { away: false, line: `broker: ${some}${probesFailed.length === 0 ? '' : `, what is published to ${probesFailed.join(', ')} does not get through`}` };
}

/** A code, where it has one: a path of this machine is no stranger's business. */
function reason(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'no answer';
}
