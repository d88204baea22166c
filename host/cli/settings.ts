/** The settings of the command: what each may be, and where it may be given. */
import { DEFAULT_LISTEN, DEFAULT_LISTEN_TLS, LIMIT_NAMES, LIMITS, type Limits, type Settings } from './setting-types.js';
import { checkMqttOptions, checkMqttUrl } from '../bridge/options.js';
import { TidelockError } from '../errors.js';
import { checkGatewayOptions } from '../gateway/options.js';
import type { Suite } from '../gateway/types.js';
import { parseHttpAddress } from '../http/index.js';
import { parseIotsocketAddress } from '../legacy/iotsocket/address.js';
import { parseDatabase } from '../registry/database/url.js';
import { checkLimits } from '../registry/limits.js';
import { parseTimeAddress } from '../time/address.js';
import { parseAddress } from '../transport/address.js';

/** What a place holds, before it is checked: text from a flag or the environment, any JSON value from the file. */
export type Given = string | number | boolean | null | readonly Given[] | { readonly [name: string]: unknown };

/** A fault of one value: what is wrong and what would be right, to follow the name of its place. */
export class Fault extends Error {}

export interface Setting {
  /** Its name in the file; the flag and the variable follow from it. */
  readonly name: string;
  /** Name of the value in help, in brackets where it may be left out; undefined for a switch. */
  readonly placeholder: string | undefined;
  readonly help: string;
  /** Given more than once, or with commas. */
  readonly list: boolean;
  /** It has no flag: command lines can be read by all. */
  readonly secret?: boolean;
  /** Throws Fault. */
  parse(given: Given): unknown;
}

const IN_WORDS = { true: true, 1: true, yes: true, on: true, false: false, 0: false, no: false, off: false } as const;

function toggle(given: Given): boolean {
  if (typeof given === 'boolean') return given;
  const word = typeof given === 'string' ? given.toLowerCase() : '';
  if (Object.hasOwn(IN_WORDS, word)) return IN_WORDS[word as keyof typeof IN_WORDS];
  throw new Fault(`must be true or false, not ${shown(given)}`);
}

function text(given: Given): string {
  if (typeof given === 'string' && given !== '') return given;
  throw new Fault(`must be a text that is not empty, not ${shown(given)}`);
}

/** A text that `check` accepts; what it says of one that it does not stands in the fault. */
function checkedText(check: (text: string) => unknown) {
  return (given: Given): string => {
    const value = text(given);
    try {
      check(value);
    } catch (error) {
      if (!(error instanceof TidelockError)) throw error;
      // The error's own value: it leaves passwords out.
      throw new Fault(error.code === 'BAD_OPTION' ? `is ${clipped(String(error.details['value']))}, but ${error.details['expected']}` : `: ${error.problem}`);
    }
    return value;
  };
}

function whole(least: number, most: number, unit = '') {
  return (given: Given): number => {
    const number = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given;
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) return number;
    throw new Fault(`must be a whole number from ${least} to ${most}${unit}, not ${shown(given)}`);
  };
}

function choice<T extends string>(...choices: readonly T[]) {
  return (given: Given): T => {
    if (choices.includes(given as T)) return given as T;
    throw new Fault(`must be one of ${choices.join(', ')}, not ${shown(given)}`);
  };
}

function list<T>(one: (given: Given) => T) {
  return (given: Given): T[] => {
    const items = typeof given === 'string' ? given.split(',').map((item) => item.trim()) : given;
    if (!Array.isArray(items) || items.length === 0) throw new Fault(`must be a list that is not empty, not ${shown(given)}`);
    return (items as Given[]).flatMap((item) => (typeof item === 'string' ? item.split(',').map((part) => one(part.trim())) : [one(item)]));
  };
}

function shown(given: Given): string {
  return clipped(JSON.stringify(given));
}

function clipped(json: string): string {
  return json.length > 60 ? `${json.slice(0, 57)}…` : json;
}

/** A whole number that `check` accepts: bounds stand where they are obeyed, once. */
function checkedNumber(check: (number: number) => unknown) {
  return (given: Given): number => {
    const number = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given;
    if (typeof number !== 'number') throw new Fault(`must be a whole number, not ${shown(given)}`);
    try {
      check(number);
    } catch (error) {
      if (error instanceof TidelockError) throw new Fault(`is ${shown(given)}, but ${error.details['expected'] ?? error.problem}`);
      throw error;
    }
    return number;
  };
}

function httpAddress(given: Given): string {
  const value = typeof given === 'number' ? String(given) : text(given);
  if (parseHttpAddress(value) === undefined) throw new Fault(`must be HOST:PORT, such as 127.0.0.1:9433, not ${shown(given)}`);
  return value;
}

/** Addresses; none: the ports that are there anyhow. Undefined: switched off. */
function iotsocket(given: Given): string[] | undefined {
  const word = typeof given === 'string' ? given.toLowerCase() : given;
  if (word === true || word === 'true') return [];
  if (word === false || word === 'false') return undefined;
  return list(checkedText(parseIotsocketAddress))(given);
}

function gatewayNumber(option: string) {
  return checkedNumber((number) => checkGatewayOptions({ devices: {}, [option]: number }));
}

function limitNumber(name: keyof Limits) {
  const gateway = LIMITS[name] === 'gateway';
  return checkedNumber((number) => (gateway ? checkGatewayOptions({ devices: {}, limits: { [name]: number } }) : checkLimits({ [name]: number })));
}

function checkSerial(url: string): void {
  if (parseAddress(url).kind !== 'serial') throw new Fault('must be a serial port, such as serial:/dev/ttyUSB0?baud=115200; other addresses are for --listen');
}

function bridgeOption(option: string) {
  return (given: Given): unknown => {
    const number = typeof given === 'string' && /^\d+$/.test(given) && option !== 'protocol' ? Number(given) : given;
    try {
      checkMqttOptions({ url: 'mqtt://broker.example', [option]: number });
    } catch (error) {
      if (error instanceof TidelockError) throw new Fault(`is ${shown(given)}, but ${error.details['expected'] ?? error.problem}`);
      throw error;
    }
    return number;
  };
}

function setting(name: string, placeholder: string | undefined, help: string, parse: (given: Given) => unknown, many = false): Setting {
  return { name, placeholder, help, parse, list: many };
}

export const SETTINGS: readonly Setting[] = [
  setting('listen', 'URL', `address to listen at, may be given again (default ${DEFAULT_LISTEN})`, list(checkedText(parseAddress)), true),
  setting('database', 'URL', 'where devices, inbox and queue are kept: sqlite:PATH or postgres://… (default sqlite:tidelock.db)', checkedText(parseDatabase)),
  setting('masterKeyFile', 'FILE', 'file with the key under which keys lie wrapped in the database; docs/operations.md', text),
  setting('control', 'PATH', 'control socket (default: beside the database)', text),
  setting('iotsocket', '[URL]', 'take IoTSocket too: at iotsocket://HOST:PORT, or at the ports of --listen; docs/iotsocket.md', iotsocket, true),
  setting('backend', 'COMMAND', 'program that takes the messages, as JSON lines on its stdin; docs/backends.md', text),
  setting('backendSocket', 'PATH', 'socket at which such programs connect', text),
  setting('backendWindow', 'N', 'messages that a backend may hold undone (default 64)', whole(1, 10_000)),
  setting('metrics', 'HOST:PORT', 'serve /metrics, /healthz and /readyz there (default: nowhere)', httpAddress),
  setting('keep', undefined, 'leave printed messages in the inbox', toggle),
  setting('json', undefined, 'write one JSON object a line', toggle),
  setting('logLevel', 'LEVEL', 'debug, info, warn, error or silent (default info)', choice('debug', 'info', 'warn', 'error', 'silent')),
  setting('logFormat', 'FORM', 'text or json (default text; json with --json)', choice('text', 'json')),
  setting('window', 'MS', 'how far a frame may be off its time (default 2000)', gatewayNumber('window')),
  setting('life', 'S', 'longest life of a session (default 86400)', gatewayNumber('life')),
  setting('idle', 'S', 'silence after which a session ends (default 90)', gatewayNumber('idle')),
  setting('spread', 'S', 'time over which devices spread their first reconnect (default 0)', gatewayNumber('spread')),
  setting('largest', 'BYTES', 'largest body taken from a device (default 16383)', gatewayNumber('largest')),
  setting('suites', 'NAMES', 'sealed, signed, signed-8 (default sealed)', list(choice<Suite>('sealed', 'signed', 'signed-8')), true),
  setting('suitesTls', 'NAMES', 'the same inside TLS (default all three)', list(choice<Suite>('sealed', 'signed', 'signed-8')), true),
  setting('tlsCert', 'FILE', 'certificate for tidelocks://, in PEM', text),
  setting('tlsKey', 'FILE', 'its key (default: in the same file)', text),
  setting('sntp', 'HOST', 'time server to compare this clock with, may be given again (default: none)', list(checkedText((host) => parseTimeAddress('sntp', host))), true),
  setting('sntpListen', 'HOST:PORT', 'answer SNTP requests there (default: not)', checkedText((host) => parseTimeAddress('sntpListen', host))),
  setting('discovery', 'NAME', 'answer `tidelock discover` on this link under this name (default: not)', checkedText((name) => checkGatewayOptions({ devices: {}, discovery: name }))),
  setting('serial', 'URL', 'serial port to serve as well, such as serial:/dev/ttyUSB0?baud=115200, may be given again', list(checkedText(checkSerial)), true),
  setting('mqtt', 'URL', 'MQTT broker to join the devices to, such as mqtts://broker.example; docs/mqtt.md (default: none)', checkedText(checkMqttUrl)),
  setting('mqttMode', 'MODE', 'inbox: messages are kept until the broker has them; through: acknowledged when it has (default inbox)', bridgeOption('mode')),
  setting('mqttPrefix', 'WORD', 'first level of its topics (default tl)', bridgeOption('prefix')),
  setting('mqttProtocol', 'VERSION', '5, 3.1.1 or auto (default auto)', bridgeOption('protocol')),
  setting('mqttUserFile', 'FILE', 'user name on the first line, password on the second (default: TIDELOCK_MQTT_USER and TIDELOCK_MQTT_PASSWORD)', text),
  { ...setting('mqttUser', 'NAME', '', text), secret: true },
  { ...setting('mqttPassword', 'WORD', '', text), secret: true },
  setting('mqttCa', 'FILE', 'certificates of the authorities to trust for the broker, in PEM (default: the authorities of Node)', text),
  setting('mqttCert', 'FILE', 'certificate by which the gateway shows itself to the broker, in PEM (default: none)', text),
  setting('mqttKey', 'FILE', 'its key (default: in the same file)', text),
  setting('mqttConnections', 'N', 'connections for messages to the broker (default 4)', bridgeOption('connections')),
  setting('mqttLifetime', 'MS', 'lifetime of a command that tells none (default 60000)', bridgeOption('lifetime')),
  setting('mqttEnvelope', 'WHEN', 'JSON envelope around messages: auto (with MQTT 3.1.1), never, always (default auto)', bridgeOption('envelope')),
  setting('mqttRequireSubscriber', undefined, 'take no message to which nobody has subscribed (MQTT 5; default: it is counted)', toggle),
  setting('drain', 'MS', 'time to finish what was accepted when told to stop (default 5000)', whole(0, 600_000, ' ms')),
  ...LIMIT_NAMES.map((name) => setting(`limits.${name}`, 'N', '', limitNumber(name))),
];

const BY_NAME = new Map(SETTINGS.map((entry) => [entry.name, entry]));

export function findSetting(name: string): Setting | undefined {
  return BY_NAME.get(name);
}

/** `logLevel` is `log-level` on the command line. */
export function flagName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `limits.halfOpen` is `TIDELOCK_LIMITS_HALF_OPEN` in the environment. */
export function variableName(name: string): string {
  return `TIDELOCK_${flagName(name).replace(/[.-]/g, '_').toUpperCase()}`;
}

/** Puts checked values together; what was not given keeps its default, or stays away so that the gateway's own holds. */
export function assemble(values: ReadonlyMap<string, unknown>): Settings {
  const limits = Object.fromEntries(
    [...values].filter(([name]) => name.startsWith('limits.')).map(([name, value]) => [name.slice('limits.'.length), value]),
  );
  const rest = Object.fromEntries([...values].filter(([name]) => !name.startsWith('limits.')));
  const json = rest['json'] === true;
  return {
    listen: rest['tlsCert'] === undefined ? [DEFAULT_LISTEN] : [DEFAULT_LISTEN, DEFAULT_LISTEN_TLS],
    database: 'sqlite:tidelock.db',
    keep: false,
    logLevel: 'info',
    logFormat: json ? 'json' : 'text',
    ...rest,
    json,
    limits,
  };
}

/** What is wrong with values that are right one by one. */
export function contradictions(settings: Settings): string[] {
  return [...listening(settings), ...broker(settings), ...time(settings)];
}

function time({ sntp, sntpListen }: Settings): string[] {
  return sntpListen === undefined || sntp !== undefined ? [] : ['--sntp-listen needs --sntp: without it, it could answer nothing but that it does not know the time'];
}

function broker({ mqtt, mqttUserFile, mqttUser, mqttPassword, mqttCa, mqttCert, mqttKey, ...rest }: Settings): string[] {
  if (mqtt === undefined) {
    const given = Object.entries({ mqttUserFile, mqttCa, mqttCert, mqttKey, ...rest }).find(([name, value]) => name.startsWith('mqtt') && value !== undefined);
    return given === undefined ? [] : [`--${flagName(given[0])} has no --mqtt`];
  }
  const faults: string[] = [], secure = /^(mqtts|wss):/.test(mqtt);
  if (mqttUserFile !== undefined && (mqttUser ?? mqttPassword) !== undefined) faults.push('--mqtt-user-file and TIDELOCK_MQTT_USER or TIDELOCK_MQTT_PASSWORD say the same twice');
  if (mqttPassword !== undefined && mqttUser === undefined) faults.push('TIDELOCK_MQTT_PASSWORD has no TIDELOCK_MQTT_USER');
  if (!secure && (mqttCa ?? mqttCert) !== undefined) faults.push(`${mqttCa === undefined ? '--mqtt-cert' : '--mqtt-ca'} is of no use, because ${mqtt} has no TLS; mqtts:// has`);
  if (mqttKey !== undefined && mqttCert === undefined) faults.push('--mqtt-key has no --mqtt-cert');
  return faults;
}

function listening({ listen, tlsCert, tlsKey }: Settings): string[] {
  const secure = listen.find((url) => parseAddress(url).kind === 'tls');
  if (tlsCert === undefined && secure !== undefined) return [`${secure} needs a certificate: --tls-cert and --tls-key ("tidelock cert" makes one)`];
  if (tlsCert === undefined && tlsKey !== undefined) return ['--tls-key has no --tls-cert'];
  if (tlsCert !== undefined && secure === undefined) return ['--tls-cert is of no use, because no address to listen at is tidelocks://'];
  return [];
}
