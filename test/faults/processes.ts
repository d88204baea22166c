/**
 * The same books over real sockets in real time: gateway and device are processes of their own, made with the package as a
 * user installs it, and the proxy stands here between them. A restart is a SIGKILL.
 */
import { copyFileSync, existsSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openRegistry } from 'tidelock/registry';
import { systemClock } from '../../dist/host/clock.js';
import { Child, folder, seeded } from '../e2e/support.js';
import { KEY } from '../gateway/support.js';
import { install, repository, type Installed } from '../package/installed.js';
import { Ledger, type Sums } from './ledger.js';
import { LINKS, type LinkKind } from './links.js';
import { inbox } from './load.js';
import { between, type Fault, type Random } from './packet.js';
import type { ProxyOwner } from './stream-proxy.js';

/** Messages that wait for their end at a time, each way. */
const AT_ONCE = 20;
/** Between messages, so that there are packets for the faults to fall on. */
const LONGEST_GAP_MS = 25;
/** Seconds without a frame before the gateway ends a session: short, because here the time is real. */
const IDLE_S = 6;

export interface ProcessesOptions {
  link: LinkKind;
  fault: (random: Random) => Fault;
  /** Each way. */
  messages: number;
  seed: number;
  /** Where a user has installed the package: see `userProject`. */
  project: string;
  /** Prefixes to the commands, and the addresses at which they see the proxy: for runs in other network namespaces. */
  place?: Place;
}

export interface Place {
  gatewayCommand: readonly string[];
  deviceCommand: readonly string[];
  /** Where the gateway listens, and where the proxy reaches it. */
  gatewayHost: string;
  /** Where the device finds the proxy. */
  proxyHost: string;
}

const HERE: Place = { gatewayCommand: [], deviceCommand: [], gatewayHost: '127.0.0.1', proxyHost: '127.0.0.1' };

export interface Ways {
  up: Sums;
  down: Sums;
  strikes: number;
  sessions: number;
  kills: number;
}

/** The package as a user has it, with the programs; and a driver for SQLite where this Node has none. */
export function userProject(): Installed {
  const user = install();
  for (const name of ['gateway.mjs', 'device.mjs', 'leaping-clock.mjs']) {
    copyFileSync(new URL(`programs/${name}`, import.meta.url), path.join(user.directory, name));
  }
  const driver = path.join(user.directory, 'node_modules', 'better-sqlite3');
  if (!existsSync(driver)) symlinkSync(path.join(repository, 'node_modules', 'better-sqlite3'), driver, 'junction');
  return user;
}

export async function runProcesses(options: ProcessesOptions): Promise<Ways> {
  const { link: kind, messages, seed, project, place = HERE } = options;
  const link = LINKS[kind];
  const random = seeded(seed), up = new Ledger(seed, link.longest), down = new Ledger(seed + 1, link.longest);
  const database = `sqlite:${path.join(folder(), 'gateway.db')}`;
  const prepared = await openRegistry(database);
  await prepared.add('pump-7', { key: KEY });
  await prepared.close();

  const failed = (line: string): void => up.problem('error', line);
  const named = new Map<string, number>();
  const unnamed = new Set<number>();
  let gateway: Child, port: number | undefined, kills = 0, sessions = 0, waiting = 0;
  let starting: Promise<void> = Promise.resolve();

  const hearGateway = (line: string): void => {
    const [word = '', name = '', ...rest] = line.split(' '), body = rest.join(' ');
    if (word === 'error') failed(line);
    if (word !== 'queued') return;
    const number = Number(body.slice(0, body.indexOf(':')));
    named.set(name, number);
    unnamed.delete(number);
  };
  const start = async (): Promise<void> => {
    const args = JSON.stringify({
      ...link.gateway, listen: `${link.scheme}://${place.gatewayHost}:0`, idle: IDLE_S, limits: { helloRate: 10_000, helloBurst: 100_000 },
    });
    gateway = new Child([...place.gatewayCommand, process.execPath, path.join(project, 'gateway.mjs'), database, args], hearGateway);
    port = Number(await gateway.line('listening'));
  };
  await start();

  const owner: ProxyOwner = {
    clock: systemClock,
    targetHost: place.gatewayHost,
    target: () => port,
    restartGateway: () => {
      if (port === undefined) return;
      port = undefined;
      kills += 1;
      gateway.kill();
      starting = gateway.ended.then(start);
    },
    restartDevice: () => {
      throw new Error('this device keeps its power');
    },
  };
  const proxy = await link.proxy(owner, options.fault(random), place.proxyHost);

  const device = new Child([...place.deviceCommand, process.execPath, path.join(project, 'device.mjs'), JSON.stringify({
    ...link.device, url: `${link.scheme}://${place.proxyHost}:${proxy.port}`, id: 'pump-7', key: KEY.toString('hex'), connectTimeout: 3_000,
  })], (line) => {
    const [word = '', second = '', ...rest] = line.split(' ');
    if (word === 'told') {
      const body = rest.join(' ');
      waiting -= 1;
      up.told(Number(body.slice(0, body.indexOf(':'))), second);
    } else if (word === 'obeyed') {
      down.came(line.slice('obeyed '.length));
    } else if (word === 'online') {
      sessions = Number(second);
    } else {
      failed(line);
    }
  });

  // One at a time, so that each goes into the queue of a gateway that stands.
  const command = async (): Promise<void> => {
    await starting;
    const { number, body } = down.next();
    unnamed.add(number);
    const to = gateway;
    to.tell(`queue ${body}`);
    await Promise.race([to.until('the command is queued', () => !unnamed.has(number)), to.ended]).catch(() => undefined);
  };
  while (up.sent < messages || waiting > 0) {
    if (waiting < AT_ONCE && up.sent < messages) {
      waiting += 1;
      device.tell(`send ${up.next().body}`);
      await pause(between(random, 0, LONGEST_GAP_MS));
    }
    if (down.sent < messages) await command();
    const before = waiting;
    if (down.sent >= messages && (waiting >= AT_ONCE || (waiting > 0 && up.sent >= messages))) await device.until('an end', () => waiting < before);
  }
  while (down.sent < messages) await command();
  await starting;
  // What brings the gateway down may go on meanwhile.
  for (let over = false; !over; ) {
    await starting;
    gateway!.tell('finish');
    over = (await gateway!.ended) === 0;
  }
  device.endInput();
  await device.ended;
  await proxy.close();

  const registry = await openRegistry(database);
  for (const row of await inbox(registry)) up.came(row.body.toString());
  for (const [name, number] of named) {
    const outcome = await registry.outcome(name);
    const end = outcome !== undefined && 'end' in outcome ? outcome.end : 'waits';
    down.told(number, end === 'delivered' ? 'acknowledged' : end);
  }
  for (const number of unnamed) down.told(number, 'IN_DOUBT'); // killed while it was being queued
  await registry.check();
  await registry.close();
  return { up: up.close(), down: down.close(), strikes: proxy.traffic.struck, sessions, kills };
}

/** A run in which no fault came, which few messages may well have, shows nothing: it is made again with another seed. */
export async function untilStruck<T extends Ways>(seed: number, run: (seed: number) => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    const ways = await run(seed + 100_000 * tries);
    if (ways.strikes > 0 || tries === 5 || ways.up.problems.length + ways.down.problems.length > 0) return ways;
  }
}
