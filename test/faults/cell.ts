/** One cell of the matrix: a device and a gateway, a link, a fault, a direction, a seed. */
import { performance } from 'node:perf_hooks';
import type { RecordStore } from 'tidelock/device';
import { seeded } from '../e2e/support.js';
import { KEY } from '../gateway/support.js';
import { Appliance, Flash } from './appliance.js';
import * as faults from './faults.js';
import { Ledger, type Sums } from './ledger.js';
import { LINKS, type LinkKind } from './links.js';
import { DownLoad, UpLoad, type Load } from './load.js';
import type { Fault, Random } from './packet.js';
import { Site, type Spoil } from './site.js';
import type { Proxy } from './stream-proxy.js';
import { CheapClock, VirtualTime } from './time.js';

export type Direction = 'up' | 'down';

export interface FaultKind {
  /** Where it can happen. */
  readonly on: readonly LinkKind[];
  /** Bytes of the longest body, where a longer one could never come in time. */
  readonly longest?: number;
  make(random: Random): Fault;
}

const EVERYWHERE: readonly LinkKind[] = ['tcp', 'tls', 'udp'];

export const FAULTS = {
  cut: { on: EVERYWHERE, make: faults.cut },
  delay: { on: EVERYWHERE, make: faults.delay },
  'slow line': { on: EVERYWHERE, make: faults.slow, longest: 1_000 },
  jitter: { on: EVERYWHERE, make: faults.jitter },
  reorder: { on: ['udp'], make: faults.reorder },
  duplicate: { on: ['udp'], make: faults.duplicate },
  corrupt: { on: EVERYWHERE, make: faults.corrupt },
  'half-open': { on: EVERYWHERE, make: faults.halfOpen },
  'one-way loss': { on: EVERYWHERE, make: faults.oneWayLoss },
  'loss of 30 %': { on: ['udp'], make: faults.loss },
  'NAT rebinding': { on: ['udp'], make: faults.rebind },
  'gateway restart': { on: EVERYWHERE, make: faults.gatewayRestart },
  'device restart': { on: EVERYWHERE, make: faults.deviceRestart },
  'device restart, with flash': { on: EVERYWHERE, make: faults.deviceRestart },
  everything: { on: EVERYWHERE, make: faults.everything },
} satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof FAULTS;

export interface Cell {
  readonly link: LinkKind;
  readonly fault: FaultName;
  readonly direction: Direction;
}

export interface CellOptions {
  /** Acknowledged messages, at least. */
  messages: number;
  seed: number;
  /** What a test does to the parts, to see whether the matrix notices. */
  spoil?: Spoil;
  flash?: RecordStore;
  /** Without an acknowledgement for this long, virtual ms, something hangs; beyond any wait of the protocol. */
  patience?: number;
  /** Told the acknowledged messages so far. */
  progress?: (acknowledged: number) => void;
}

export interface Result extends Sums {
  readonly cell: Cell;
  readonly seed: number;
  /** Times that the fault came about, and sessions that the device had. */
  readonly strikes: number;
  readonly sessions: number;
  /** Of this machine, and of the cell's own time. */
  readonly seconds: number;
  readonly virtualSeconds: number;
}

const PATIENCE_MS = 6 * 3_600_000;

export function nameOf({ link, fault, direction }: Cell): string {
  return `${link}, ${fault}, ${direction}`;
}

export async function runCell(cell: Cell, options: CellOptions): Promise<Result> {
  const started = performance.now();
  const link = LINKS[cell.link];
  const random = seeded(options.seed);
  const time = new VirtualTime((): number => proxy.traffic.moved), { clock } = time;
  const site = new Site({
    clock, random, restarts: cell.fault === 'gateway restart' || cell.fault === 'everything', listen: `${link.scheme}://127.0.0.1:0`, gateway: link.gateway, spoil: options.spoil,
  });
  await site.open();
  await site.registry.add('pump-7', { key: KEY });
  const owner = {
    clock,
    target: () => site.port,
    restartGateway: () => site.restart(),
    restartDevice: () => appliance.restart(),
  };
  const proxy: Proxy = await link.proxy(owner, FAULTS[cell.fault].make(random));
  const appliance = new Appliance({
    url: `${link.scheme}://127.0.0.1:${proxy.port}`, id: 'pump-7', key: KEY, clock: new CheapClock(clock), ...link.device,
    record: options.flash ?? (cell.fault === 'device restart, with flash' ? new Flash() : undefined),
  });
  const { longest = link.longest }: FaultKind = FAULTS[cell.fault];
  const ledger = new Ledger(options.seed, longest);
  const parts = { clock, random, site, appliance, ledger, acknowledged: options.messages };
  const load: Load = cell.direction === 'up' ? new UpLoad(parts) : new DownLoad(parts);
  const failed = (error: Error): void => ledger.problem('error', error.message);
  appliance.owner = { message: (message) => load.message(message), failed };
  site.opened = (gateway, registry) => {
    gateway.on('error', failed);
    load.opened(gateway, registry);
  };
  site.opened(site.gateway!, site.registry);

  const begun = clock.now();
  let last = begun, acknowledged = 0; // `last`: when there was one
  while (!load.done) {
    await time.leap();
    if (load.progress > acknowledged) {
      acknowledged = load.progress;
      last = clock.now();
      options.progress?.(acknowledged);
    }
    if (clock.now() - last > (options.patience ?? PATIENCE_MS)) {
      ledger.problem('hangs', `${acknowledged} of ${options.messages} acknowledged, the device is ${appliance.device.state.name} ${appliance.device.state.reason}`);
      break;
    }
  }
  await time.while(site.up());
  await load.finish();
  const virtualSeconds = (clock.now() - begun) / 1_000, { sessions } = appliance, { struck } = proxy.traffic;
  await time.while(appliance.close());
  await time.while(site.close());
  await proxy.close();
  const sums = ledger.close();
  if (struck === 0) sums.problems.push('the fault never came about');
  return { ...sums, cell, seed: options.seed, strikes: struck, sessions, seconds: (performance.now() - started) / 1_000, virtualSeconds };
}
