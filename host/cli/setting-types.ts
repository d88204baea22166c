/** What a command gets of flags, environment and file once all of them have been checked. */
import type { GatewayLimits, Suite } from '../gateway/types.js';
import type { RegistryLimits } from '../registry/types.js';

export const DEFAULT_LISTEN = 'tidelock://0.0.0.0:8433';
/** At the same port: the first byte tells the two apart. */
export const DEFAULT_LISTEN_TLS = 'tidelocks://0.0.0.0:8433';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface Settings {
  listen: string[];
  database: string;
  /** With the key under which the keys of devices lie wrapped; undefined: TIDELOCK_MASTER_KEY, or none. */
  masterKeyFile?: string;
  /** Path of the control socket; undefined: the one that belongs to the database. */
  control?: string;
  /** Command of a backend; with it, or with a socket, messages go there and are not printed. */
  backend?: string;
  /** Path of the socket for backends. */
  backendSocket?: string;
  /** Messages that a backend may hold undone. */
  backendWindow?: number;
  /** `HOST:PORT` of metrics and health; undefined: none. */
  metrics?: string;
  /** Where IoTSocket is taken; empty: at the ports of `listen`; undefined: nowhere. */
  iotsocket?: string[];
  keep: boolean;
  json: boolean;
  logLevel: LogLevel;
  logFormat: 'text' | 'json';
  /** ms */
  window?: number;
  /** s */
  life?: number;
  /** s */
  idle?: number;
  /** s */
  spread?: number;
  /** bytes */
  largest?: number;
  suites?: Suite[];
  /** Inside TLS. */
  suitesTls?: Suite[];
  /** Files in PEM; without tlsKey the key stands in tlsCert. */
  tlsCert?: string;
  tlsKey?: string;
  sntp?: string[];
  sntpListen?: string;
  discovery?: string;
  /** Besides `listen`. */
  serial?: string[];
  /** URL of a broker; undefined: none. */
  mqtt?: string;
  mqttMode?: 'inbox' | 'through';
  mqttPrefix?: string;
  mqttProtocol?: 'auto' | '5' | '3.1.1';
  mqttUserFile?: string;
  /** Of the environment or the file alone. */
  mqttUser?: string;
  mqttPassword?: string;
  /** Files in PEM. */
  mqttCa?: string;
  mqttCert?: string;
  mqttKey?: string;
  mqttConnections?: number;
  /** ms */
  mqttLifetime?: number;
  mqttEnvelope?: 'auto' | 'never' | 'always';
  mqttRequireSubscriber?: boolean;
  /** ms */
  drain?: number;
  limits: Limits;
}

/**
 * Bounds of gateway and registry under one roof. What is for a gateway without a registry (lookups, the volatile queue)
 * has no place here: the command always has one.
 */
export type Limits = Omit<GatewayLimits, 'lookups' | 'lookupTimeout' | 'lookupKept' | 'lookupEntries' | 'queueMessages' | 'queueBytes' | 'queueBytesTotal'> &
  RegistryLimits;

/** Their names, and which of the two takes them; the type makes a missing one a fault of the build. */
export const LIMITS: Record<keyof Limits, 'gateway' | 'registry'> = {
  connections: 'gateway',
  halfOpen: 'gateway',
  helloRate: 'gateway',
  helloBurst: 'gateway',
  helloRateTotal: 'gateway',
  helloBurstTotal: 'gateway',
  unsent: 'gateway',
  prefetch: 'gateway',
  uncommitted: 'gateway',
  takeovers: 'gateway',
  inboxRows: 'registry',
  inboxBytes: 'registry',
  inboxRowsPerDevice: 'registry',
  inboxBytesPerDevice: 'registry',
  queueMessages: 'registry',
  queueBytes: 'registry',
  queueMessagesPerDevice: 'registry',
  queueBytesPerDevice: 'registry',
  queueLifetime: 'registry',
  keepEnds: 'registry',
  keepEndsCount: 'registry',
  deadLetters: 'registry',
  deadLetterBytes: 'registry',
  results: 'registry',
  taken: 'registry',
};

export const LIMIT_NAMES = Object.keys(LIMITS) as (keyof Limits)[];
