/** The options of a gateway, checked as a whole, with their defaults. */
import { systemClock, type Clock } from '../clock.js';
import { isIdentity } from '../core/index.js';
import { TidelockError } from '../errors.js';
import { ALL_SUITES, LARGEST_BODY, badOption, checkInteger, checkNames, checkSuites } from '../options.js';
import { checkIotsocketOptions, type IotsocketSetup } from '../legacy/iotsocket/options.js';
import type { Registry } from '../registry/types.js';
import { parseTimeAddress, type TimeAddress } from '../time/address.js';
import { parseAddress, type Address } from '../transport/address.js';
import type { TlsCertificate } from '../transport/tls/server.js';
import type { Bridge } from './bridge-types.js';
import type { GatewayLimits, GatewayOptions, LegacyOptions, Logger, Lookup } from './types.js';

const KNOWN = [
  'registry', 'lookup', 'devices', 'listen', 'window', 'life', 'idle', 'spread', 'largest', 'suites', 'suitesTls', 'tls', 'sntp', 'sntpListen', 'discovery', 'limits', 'legacy', 'bridge', 'logger', 'signal', 'clock',
];

/** Limits with their defaults: [default, least, most]. */
const LIMITS: Readonly<Record<keyof GatewayLimits, readonly [number, number, number]>> = {
  connections: [65_536, 1, 1_000_000],
  halfOpen: [1_024, 1, 1_000_000],
  // A HELLO costs about 20 µs of computing, so 5,000 a second are a tenth of one core.
  helloRate: [100, 1, 1_000_000],
  helloBurst: [500, 1, 1_000_000],
  helloRateTotal: [5_000, 1, 10_000_000],
  helloBurstTotal: [10_000, 1, 10_000_000],
  // Twice the mark of Node's sockets, so that `drain` follows whenever this is exceeded.
  unsent: [262_144, 32_768, 0x7fff_ffff],
  lookups: [256, 1, 65_536],
  lookupTimeout: [2_000, 1, 600_000],
  lookupKept: [60_000, 0, 86_400_000],
  lookupEntries: [65_536, 1, 10_000_000],
  queueMessages: [1_000, 0, 10_000_000],
  queueBytes: [1_048_576, 0, Number.MAX_SAFE_INTEGER],
  queueBytesTotal: [67_108_864, 0, Number.MAX_SAFE_INTEGER],
  prefetch: [64, 1, 10_000],
  uncommitted: [16_777_216, 0, Number.MAX_SAFE_INTEGER],
  takeovers: [3, 0, 1_000_000],
};

export interface GatewaySetup {
  registry: Registry | undefined;
  lookup: Lookup | undefined;
  devices: GatewayOptions['devices'];
  addresses: Address[];
  window: number;
  life: number;
  idle: number;
  spread: number;
  largest: number;
  suites: number;
  suitesTls: number;
  tls: TlsCertificate | undefined;
  sntp: TimeAddress[];
  sntpListen: TimeAddress | undefined;
  discovery: string | undefined;
  limits: Required<GatewayLimits>;
  iotsocket: IotsocketSetup | undefined;
  bridge: Bridge | undefined;
  logger: Logger | undefined;
  signal: AbortSignal | undefined;
  clock: Clock;
}

/** Throws BAD_ADDRESS, BAD_OPTION or UNKNOWN_OPTION. */
export function checkGatewayOptions(options: GatewayOptions): GatewaySetup {
  if (typeof options !== 'object' || options === null) throw new TypeError('Gateway.listen() needs an object with registry, lookup or devices');
  checkNames(options, KNOWN, 'Gateway.listen()');
  const { registry, lookup, devices } = options;
  const sources = [registry, lookup, devices].filter((source) => source !== undefined).length;
  if (sources !== 1) {
    throw badOption('registry', sources === 0 ? undefined : 'given with others', 'exactly one of registry, lookup and devices says where keys come from');
  }
  if (lookup !== undefined && typeof lookup !== 'function') throw badOption('lookup', lookup, 'it must be a function (identity, keyId) => key');
  const listen = options.listen ?? 'tidelock://0.0.0.0';
  const urls = typeof listen === 'string' ? [listen] : listen;
  if (!Array.isArray(urls) || urls.length === 0) throw badOption('listen', listen, 'it must be an address such as tidelock://0.0.0.0:8433, or a list of them');
  const addresses = urls.map(parseAddress);
  const iotsocket = legacy(options.legacy ?? {}, registry !== undefined, devices);
  return {
    registry, lookup, devices,
    addresses,
    window: checkInteger('window', options.window ?? 2_000, 100, 60_000),
    life: checkInteger('life', options.life ?? 86_400, 10, 2_000_000),
    idle: checkInteger('idle', options.idle ?? 90, 1, 65_535),
    spread: checkInteger('spread', options.spread ?? 0, 0, 65_535),
    largest: checkInteger('largest', options.largest ?? LARGEST_BODY, 1_024, LARGEST_BODY),
    suites: checkSuites(options.suites ?? ['sealed']),
    suitesTls: checkSuites(options.suitesTls ?? ALL_SUITES, 'suitesTls'),
    tls: checkTls(options.tls, [...addresses, ...(iotsocket?.addresses ?? [])]),
    ...time(options),
    discovery: checkName(options.discovery),
    limits: limits(options.limits ?? {}),
    iotsocket,
    bridge: checkBridge(options.bridge, registry !== undefined),
    logger: options.logger,
    signal: options.signal,
    clock: options.clock ?? systemClock,
  };
}

function checkTls(tls: TlsCertificate | undefined, addresses: readonly Address[]): TlsCertificate | undefined {
  const secure = addresses.some(({ kind }) => kind === 'tls');
  if (tls === undefined) {
    if (secure) throw badOption('tls', tls, 'an address tidelocks:// (or iotsockets://) needs a certificate: { certFile, keyFile } or { cert, key }');
    return undefined;
  }
  if (typeof tls !== 'object' || tls === null) throw badOption('tls', typeof tls, 'it must be { certFile, keyFile } or { cert, key }');
  checkNames(tls, 'certFile' in tls ? ['certFile', 'keyFile'] : ['cert', 'key'], 'tls');
  const given = 'certFile' in tls ? [tls.certFile, tls.keyFile ?? tls.certFile] : [tls.cert, tls.key];
  if (!given.every((part) => (typeof part === 'string' && part !== '') || (part instanceof Uint8Array && !('certFile' in tls)))) {
    throw badOption('tls', Object.keys(tls), 'both parts must be given: names of files, or PEM itself'); // never the values: one is a key
  }
  if (!secure) throw badOption('tls', Object.keys(tls), 'no address to listen at is tidelocks:// (or iotsockets://)');
  return tls;
}

function checkName(name: string | undefined): string | undefined {
  if (name === undefined || (typeof name === 'string' && isIdentity(name))) return name;
  throw badOption('discovery', name, 'it must be a name of the form of an identity, such as gateway-2 or plant/gateway-2');
}

function checkBridge(bridge: Bridge | undefined, registry: boolean): Bridge | undefined {
  if (bridge === undefined) return undefined;
  if (typeof bridge?.attach !== 'function') throw badOption('bridge', typeof bridge, 'it must be made by mqtt() of tidelock/bridge');
  if (!registry) throw new TidelockError('NOT_DURABLE', { what: 'a bridge' });
  return bridge;
}

/** Beyond it more servers only cost them. */
const MOST_TIME_SERVERS = 16;

function time({ sntp = [], sntpListen }: GatewayOptions): Pick<GatewaySetup, 'sntp' | 'sntpListen'> {
  const servers = typeof sntp === 'string' ? [sntp] : sntp;
  if (!Array.isArray(servers) || servers.length > MOST_TIME_SERVERS) throw badOption('sntp', sntp, `it must be a host, or a list of at most ${MOST_TIME_SERVERS}`);
  if (sntpListen !== undefined && servers.length === 0) throw badOption('sntpListen', sntpListen, 'without `sntp` it could answer nothing but that it does not know the time');
  return {
    sntp: servers.map((server: string) => parseTimeAddress('sntp', server)),
    sntpListen: sntpListen === undefined ? undefined : parseTimeAddress('sntpListen', sntpListen),
  };
}

function legacy(given: LegacyOptions, registry: boolean, devices: GatewayOptions['devices']): IotsocketSetup | undefined {
  checkNames(given, ['iotsocket'], 'legacy');
  if (given.iotsocket === undefined) return undefined;
  const setup = checkIotsocketOptions(given.iotsocket, registry);
  const known = devices instanceof Map ? (identity: string): boolean => devices.has(identity) : (identity: string): boolean => Object.hasOwn(devices ?? {}, identity);
  const twice = [...(setup.devices?.keys() ?? [])].find(known);
  if (twice !== undefined) throw badOption('legacy.iotsocket.devices', twice, 'an identity speaks one protocol, and this one stands in `devices` too');
  return setup;
}

function limits(given: GatewayLimits): Required<GatewayLimits> {
  checkNames(given, Object.keys(LIMITS), 'limits');
  const checked: Record<string, number> = {};
  for (const [name, [value, least, most]] of Object.entries(LIMITS)) {
    checked[name] = checkInteger(`limits.${name}`, given[name as keyof GatewayLimits] ?? value, least, most);
  }
  return checked as unknown as Required<GatewayLimits>;
}
