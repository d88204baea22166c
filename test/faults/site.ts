/** The gateway of a cell with its database: it may end at any time, and starts again with what is on the disk. */
import path from 'node:path';
import { Gateway, type GatewayOptions } from 'tidelock/gateway';
import { openRegistry, type Registry, type RegistryOptions } from 'tidelock/registry';
import { folder } from '../e2e/support.js';
import type { TestClock } from '../gateway/support.js';
import { between, type Random } from './packet.js';

/** What a test does to the registry, to see whether the matrix notices. */
export type Spoil = (registry: Registry) => Registry;

export interface SiteOptions {
  clock: TestClock;
  random: Random;
  /** The database outlives the gateway, so it must be on a disk. */
  restarts: boolean;
  listen: string;
  gateway: Partial<GatewayOptions>;
  spoil: Spoil | undefined;
}

/** Longest lifetime that a registry takes. */
export const LONG = 7 * 86_400_000;

export class Site {
  gateway: Gateway | undefined;
  registry!: Registry;
  readonly #options: SiteOptions;
  readonly #url: string;
  /** Called whenever there is a new gateway with a new registry. */
  opened: (gateway: Gateway, registry: Registry) => void = () => undefined;
  #restarting: Promise<void> | undefined;

  constructor(options: SiteOptions) {
    this.#options = options;
    this.#url = options.restarts ? `sqlite:${path.join(folder(), 'gateway.db')}` : 'sqlite::memory:';
  }

  async open(): Promise<void> {
    const { clock, listen, gateway: options, spoil = (registry) => registry } = this.#options;
    const registryOptions: RegistryOptions = {
      thread: false,
      unix: () => clock.unix(),
      limits: { keepEnds: 10 * LONG, keepEndsCount: 10_000_000, inboxRowsPerDevice: 1_000_000, inboxBytesPerDevice: 2 ** 30, inboxBytes: 2 ** 30 },
    };
    this.registry = spoil(await openRegistry(this.#url, registryOptions));
    const gateway = await Gateway.listen({ ...options, registry: this.registry, listen, clock });
    this.opened(gateway, this.registry);
    this.gateway = gateway;
  }

  get port(): number | undefined {
    return this.gateway && Number(new URL(this.gateway.address).port);
  }

  /** At once; it comes back after up to 20 s. */
  restart(): void {
    const { gateway } = this;
    if (gateway === undefined) return;
    this.gateway = undefined;
    const { clock, random } = this.#options;
    this.#restarting = (async () => {
      await Promise.resolve(); // never from inside an event of the gateway's
      await gateway.close({ drain: 0 });
      await this.registry.close();
      await new Promise<void>((resolve) => clock.after(between(random, 0, 20_000), resolve));
      await this.open();
    })();
    this.#restarting.catch(() => undefined); // `close` throws it
  }

  /** Fulfilled when it stands. */
  async up(): Promise<void> {
    await this.#restarting;
  }

  async close(): Promise<void> {
    await this.#restarting;
    await this.gateway?.close({ drain: 0 });
    await this.registry.close();
  }
}
