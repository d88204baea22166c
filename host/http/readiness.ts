/** Whether the gateway can do its work now: its listeners stand, it is not closing, its database commits. */
import type { GatewayApi } from '../gateway/types.js';
import type { Registry } from '../registry/types.js';
import { within } from './within.js';

/** ms for a commit; one that takes longer keeps every ACK waiting as long. */
const PATIENCE = 2_000;

/** ms for which an answer holds: each costs a flush to the disk, and anybody who reaches the port may ask. */
const KEPT = 5_000;

export class Readiness {
  /** Set where the program is about to close the gateway. */
  closing = false;
  readonly #gateway: Pick<GatewayApi, 'addresses' | 'closing'>;
  readonly #registry: Pick<Registry, 'probe'> | undefined;
  #asked = -Infinity;
  #answer: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(gateway: Pick<GatewayApi, 'addresses' | 'closing'>, registry: Pick<Registry, 'probe'> | undefined) {
    this.#gateway = gateway;
    this.#registry = registry;
  }

  /** What it is not ready for; undefined: it is. `now`: monotonic ms. */
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

/** A code, where it has one: a path of this machine is no stranger's business. */
function reason(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'no answer';
}
