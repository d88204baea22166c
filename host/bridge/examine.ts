/** Looks at a broker for `tidelock doctor`: whether it lets the gateway in and do its work, and what its PUBACK is worth. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '../clock.js';
import { Connection, type Received } from './connection.js';
import type { Fault } from './fault.js';
import { findMqtt } from './library.js';
import { checkMqttOptions } from './options.js';
import { DROPPED, FAILURE, reasonText } from './packets.js';
import { NO_REALM, Topics } from './topics.js';
import type { MqttOptions } from './types.js';

/** ms for a connection, and for a probe to come back. */
const CONNECT = 15_000;
const PATIENCE = 3_000;

export interface BrokerReport {
  /** Undefined: it could not be reached, or did not let us in, for `reason`. */
  readonly version: 5 | 4 | undefined;
  readonly reason: string;
  /** What to do about it; empty: nothing more is known. */
  readonly remedy: string;
  readonly secure: boolean;
  /** What it says of itself, as mosquitto does; empty: nothing. */
  readonly software: string;
  readonly receiveMaximum: number;
  /** Largest packet that it takes, bytes. */
  readonly maximumPacket: number;
  /** When its certificate ends, and the one by which the gateway shows itself, Unix ms; undefined: there is none. */
  readonly certificateEnds: { readonly broker: number | undefined; readonly own: number | undefined };
  /** Classes of topics that do not work, with the reason. */
  readonly broken: readonly { readonly topics: string; readonly reason: string }[];
}

/** `gateway`: its name in topics. Rejected with BAD_OPTION, DRIVER_MISSING. */
export async function examineBroker(options: MqttOptions, gateway: string): Promise<BrokerReport> {
  const setup = checkMqttOptions(options), library = await findMqtt(), topics = new Topics(setup.prefix, gateway);
  const got: Received[] = [];
  let heard: (() => void) | undefined, fault: Fault = { reason: `no answer in ${CONNECT / 1_000} s`, remedy: '' }, tries = 0;
  let settle!: (up: boolean) => void;
  const settled = new Promise<boolean>((resolve) => (settle = resolve));
  const connection = new Connection({
    library, url: setup.url, credentials: setup.credentials, protocol: setup.protocol, clock: systemClock, clean: true, receiveMaximum: 64,
    clientId: `${setup.prefix}-doctor-${randomBytes(4).toString('hex')}`,
    up: () => settle(true),
    down: (why) => {
      fault = why;
      // The second try speaks the other version, where the broker closed the first without a word.
      if (++tries >= 2 || setup.protocol !== 'auto') settle(false);
    },
    received: (message) => {
      got.push(message);
      heard?.();
    },
  });
  const wait = (ms: number, condition: () => boolean): Promise<void> => new Promise((resolve) => {
    if (condition()) return resolve();
    const timer = setTimeout(resolve, ms);
    heard = () => {
      if (!condition()) return;
      clearTimeout(timer);
      resolve();
    };
  });
  connection.open();
  const timer = setTimeout(() => settle(false), CONNECT);
  const up = await settled;
  clearTimeout(timer);
  if (!up) {
    await connection.close();
    return { version: undefined, ...fault, secure: setup.secure, software: '', receiveMaximum: 0, maximumPacket: 0, certificateEnds: { broker: undefined, own: undefined }, broken: [] };
  }
  const broken: { topics: string; reason: string }[] = [], certificateEnds = connection.certificateEnds();
  const nobody = `${topics.prefix}/${NO_REALM}/$${gateway}`;
  // Retained there, so as commands are subscribed to.
  await connection.subscribe(['$SYS/broker/version'], 0, true).catch(() => undefined);
  for (const [kind, topic] of [['up', `${nobody}/up/$probe`], ['status', `${nobody}/status`], ['result', `${nobody}/result`], ['$gw', topics.own('probe')]] as const) {
    const fault = await probe(connection, topic, got, wait);
    if (fault !== '') broken.push({ topics: kind, reason: fault });
    if (!connection.isUp) break; // it ends connections for what it does not allow: what follows is not known
  }
  if (connection.isUp) {
    await connection.subscribe([topics.down], 1, true).catch((error: unknown) => broken.push({ topics: 'down', reason: `reading ${topics.down} is refused: ${(error as Error).message}` }));
    // What may be subscribed to need not be handed on: mosquitto checks at each message.
    const marker = topics.own(`down/${randomBytes(4).toString('hex')}`);
    const fault = await probe(connection, marker, got, wait, false);
    if (fault !== '') broken.push({ topics: 'down', reason: fault });
  }
  const software = got.find(({ topic }) => topic === '$SYS/broker/version')?.payload.toString('utf8') ?? '';
  const report: BrokerReport = {
    version: connection.version, reason: '', remedy: '', secure: setup.secure, software: software.slice(0, 100), receiveMaximum: connection.receiveMaximum, maximumPacket: connection.maximumPacket,
    certificateEnds, broken,
  };
  await connection.close();
  return report;
}

/** Empty: it came back. */
async function probe(connection: Connection, topic: string, got: readonly Received[], wait: (ms: number, condition: () => boolean) => Promise<void>, subscribe = true): Promise<string> {
  const nonce = JSON.stringify({ probe: randomBytes(8).toString('hex') });
  try {
    if (subscribe) await connection.subscribe([topic], 1);
  } catch (error) {
    return `reading ${topic} is refused: ${(error as Error).message}`;
  }
  let refused = '';
  connection.publish(topic, nonce, {}, { answered: (reason) => {
    if (reason >= FAILURE) refused = `publishing to ${topic} is refused: ${reasonText(reason)}`;
    if (reason === DROPPED) refused = `the broker ended the connection for a message to ${topic}`;
  } });
  await wait(PATIENCE, () => refused !== '' || !connection.isUp || got.some((one) => one.topic === topic && one.payload.toString('latin1') === nonce));
  if (refused !== '') return refused;
  if (!connection.isUp) return `the broker ended the connection for a message to ${topic}`;
  return got.some((one) => one.topic === topic && one.payload.toString('latin1') === nonce) ? '' : `a message to ${topic} is acknowledged, or taken, and not handed on`;
}
