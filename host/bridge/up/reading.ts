/** What is published for a message of a device. */
import { suiteName } from '../../names.js';
import type { Trust } from '../../gateway/types.js';
import type { Shared } from '../context.js';
import { pack, type Told } from '../envelope.js';
import type { Content } from '../lane.js';

export interface Reading {
  readonly identity: string;
  /** Of the device's outbox: subscribers know it by this if it comes again. Undefined: nobody was to acknowledge it. */
  readonly name: string | undefined;
  readonly topic: string | undefined;
  /** Unix ms. */
  readonly time: number;
  readonly trust: Trust;
  /** Bit of the suite that it came under; 0: none. */
  readonly suite: number;
  readonly body: Buffer;
}

/** Towards a broker of this version; `left`: seconds of its lifetime. Made for each message: no object more than there must be. */
export function contentOf({ topics, setup: { envelope } }: Shared, version: 5 | 4, reading: Reading, left?: number): Content {
  const { identity, name, time, trust, suite, body } = reading;
  const topic = topics.up(identity, reading.topic ?? ''), given = reading.topic !== undefined;
  if (envelope === 'never' && version === 4) return { topic, payload: body, properties: undefined, given };
  const told: Told = {};
  if (name !== undefined) told['tl-id'] = name;
  told['tl-time'] = String(time);
  told['tl-trust'] = trust;
  if (suite !== 0) told['tl-suite'] = suiteName(suite);
  const { payload, properties } = pack(body, told, envelope === 'always' || version === 4, left);
  return { topic, payload, properties, given };
}
