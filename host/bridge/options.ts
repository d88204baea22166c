/** The options of the bridge, checked as a whole, with their defaults. */
import { TidelockError } from '../errors.js';
import { badOption, checkInteger, checkNames } from '../options.js';
import { isTopicName } from '../topic-filter.js';
import { checkAuthorities, checkPair } from '../transport/tls/pair.js';
import type { Credentials } from './connection.js';
import type { MqttOptions } from './types.js';

const KNOWN = [
  'url', 'username', 'password', 'ca', 'cert', 'key', 'mode', 'app', 'prefix', 'discovery', 'protocol', 'connections', 'window', 'down', 'lifetime', 'envelope', 'requireSubscriber', 'probe',
];

const SCHEMES = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];

export interface MqttSetup {
  readonly url: string;
  readonly credentials: Credentials;
  readonly secure: boolean;
  readonly mode: 'inbox' | 'through';
  readonly app: boolean;
  readonly prefix: string;
  readonly discovery: string;
  readonly protocol: 'auto' | 5 | 4;
  readonly connections: number;
  readonly window: number;
  readonly down: boolean;
  readonly lifetime: number;
  readonly envelope: 'auto' | 'never' | 'always';
  readonly requireSubscriber: boolean;
  readonly probe: number;
}

/** The URL as it is shown and used. Throws BAD_OPTION; the text of a password stands in no error. */
export function checkMqttUrl(url: unknown): URL {
  let parsed: URL | undefined;
  try {
    parsed = new URL(String(url));
  } catch {
    // said below
  }
  if (parsed?.password || parsed?.username) {
    throw badOption('url', 'a URL with a user or a password', 'they belong elsewhere: a URL stands in logs and process lists. Give `username` and `password` (--mqtt-user-file, or TIDELOCK_MQTT_USER and TIDELOCK_MQTT_PASSWORD)');
  }
  // The library takes options from a query, the client id too, and what stands there may be a secret.
  if (parsed !== undefined && SCHEMES.includes(parsed.protocol) && (parsed.search !== '' || parsed.hash !== '' || (!parsed.protocol.startsWith('ws') && !/^\/?$/.test(parsed.pathname)))) {
    throw badOption('url', 'a URL with more than host and port', 'behind them stands nothing; ws:// and wss:// have a path, none a query');
  }
  if (parsed === undefined || !SCHEMES.includes(parsed.protocol) || parsed.hostname === '') throw badOption('url', url, 'it must be the address of a broker, such as mqtt://broker.example:1883 or mqtts://broker.example');
  return parsed;
}

/** Throws BAD_OPTION, UNKNOWN_OPTION or CERTIFICATE_INVALID. */
export function checkMqttOptions(options: MqttOptions): MqttSetup {
  if (typeof options !== 'object' || options === null) throw new TypeError('mqtt() needs an object with url');
  checkNames(options, KNOWN, 'mqtt()');
  const url = checkMqttUrl(options.url), secure = url.protocol === 'mqtts:' || url.protocol === 'wss:';
  const { mode = 'inbox', app = false, prefix = 'tl', discovery = 'homeassistant', protocol = 'auto', down = true, envelope = 'auto', requireSubscriber = false } = options;
  const { username, password, ca, cert, key } = options;
  choose('mode', mode, ['inbox', 'through']);
  choose('protocol', protocol, ['auto', '5', '3.1.1']);
  choose('envelope', envelope, ['auto', 'never', 'always']);
  for (const [name, value] of Object.entries({ app, down, requireSubscriber })) if (typeof value !== 'boolean') throw badOption(name, value, 'it must be true or false');
  if (app && mode === 'through') throw badOption('app', app, 'in mode through the registry keeps nothing that the application could get; use mode inbox');
  if (typeof prefix !== 'string' || !isTopicName(prefix) || prefix.includes('/') || prefix.startsWith('$')) throw badOption('prefix', prefix, 'it must be one level of a topic, such as tl');
  if (typeof discovery !== 'string' || !isTopicName(discovery) || discovery.startsWith('$') || discovery === prefix) throw badOption('discovery', discovery, 'it must be a topic of its own, such as homeassistant');
  if (!secure && (ca ?? cert ?? key) !== undefined) throw badOption('ca, cert or key', 'given', `they need TLS, and ${url.protocol}// has none; use mqtts://`);
  if ((cert === undefined) !== (key === undefined)) throw badOption(cert === undefined ? 'cert' : 'key', undefined, 'a certificate and its key belong together');
  if (ca !== undefined) checkAuthorities(ca, '`ca`');
  if (cert !== undefined && key !== undefined) checkPair(cert, '`cert`', key, '`key`');
  if (password !== undefined && username === undefined) throw badOption('username', undefined, 'MQTT 3.1.1 has no password without a user name');
  return {
    url: url.href, secure, mode, app, prefix, discovery, down, envelope, requireSubscriber,
    credentials: { username, password, ca, cert, key },
    protocol: protocol === 'auto' ? 'auto' : protocol === '5' ? 5 : 4,
    connections: checkInteger('connections', options.connections ?? 4, 1, 64),
    window: checkInteger('window', options.window ?? 1_000, 1, 65_535),
    lifetime: checkInteger('lifetime', options.lifetime ?? 60_000, 1, 16_000_000_000),
    probe: checkInteger('probe', options.probe ?? 3_600_000, 0, 86_400_000),
  };
}

function choose(name: string, value: unknown, choices: readonly string[]): void {
  if (typeof value !== 'string' || !choices.includes(value)) throw badOption(name, String(value), `it must be one of ${choices.join(', ')}`);
}

/** For names of clients and topics: what a registry calls its gateway. Throws BAD_OPTION. */
export function checkGatewayName(name: string): string {
  if (!isTopicName(name) || name.includes('/') || Buffer.byteLength(name) > 64) throw new TidelockError('BAD_OPTION', { option: 'gateway', value: JSON.stringify(name), expected: 'with a bridge it must be one level of a topic, of at most 64 bytes' });
  return name;
}
