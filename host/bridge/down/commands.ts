/** From a PUBLISH of the broker to a command: for whom, made when, given up when, known by what. */
import { createHash } from 'node:crypto';
import { isTopic, TRUSTS } from '../../core/topic.js';
import { LARGEST_ACKNOWLEDGED } from '../../options.js';
import type { Command } from '../../registry/bridge-types.js';
import { isTopicName } from '../../topic-filter.js';
import type { Received } from '../connection.js';
import { noteOf, openEnvelope, type CommandNote } from '../envelope.js';
import type { Topics } from '../topics.js';

/** Bytes: what is kept for a sender beside the command. */
const LARGEST_NOTE = 1_024;
const NOTHING = Buffer.alloc(0);

export interface CommandRules {
  readonly topics: Topics;
  /** The broker is reached by TLS. */
  readonly secure: boolean;
  /** Of a command that tells none, ms. */
  readonly lifetime: number;
  /** Backlog of an absence longer than that: what tells no age may be older than its lifetime. */
  readonly agesUnknown: boolean;
  /** Unix ms. */
  readonly now: number;
}

/** The payload, and what it says of itself, of a message from the broker. */
export function openMessage({ payload, properties }: Pick<Received, 'payload' | 'properties'>): { note: CommandNote; body: Buffer } {
  const { userProperties = {}, responseTopic, correlationData } = properties;
  const said = noteOf((name) => {
    const value = userProperties[name];
    return Array.isArray(value) ? value[0] : value;
  });
  const envelope = openEnvelope(payload);
  return {
    // Properties win: they came with MQTT 5, an envelope may be the application's own.
    note: {
      ...envelope?.note, ...said, ...(responseTopic === undefined ? {} : { response: responseTopic }), ...(correlationData === undefined ? {} : { correlation: Buffer.from(correlationData) }),
    },
    body: envelope?.body ?? payload,
  };
}

/** `opened`: of the message; by a rule it makes a thousand commands, and is opened once. */
export function commandFor(identity: string, sub: string, message: Received, rules: CommandRules, opened = openMessage(message)): Command {
  const { topics, secure, lifetime: standard, agesUnknown, now } = rules;
  const { note, body } = opened;
  const expiry = message.properties.messageExpiryInterval;
  const made = Math.min(note.time ?? now, now);
  const deadline = Math.min(
    note.lifetime !== undefined ? made + note.lifetime : expiry === undefined ? made + standard : Infinity,
    expiry === undefined ? Infinity : now + expiry * 1_000,
  );
  let { correlation = NOTHING, id: tlId = '', replaces = '', response = '' } = note, refusal: Command['refusal'];
  const refuse = (how: NonNullable<Command['refusal']>['how'], reason: string): void => void (refusal ??= { how, reason });

  // Before anything else: what is kept of a command, refused or not, is bounded and can be written.
  if (!isTopicName(response) || response.startsWith('$') || topics.isOurs(response)) response = '';
  if (Buffer.byteLength(tlId) + Buffer.byteLength(replaces) + Buffer.byteLength(response) + correlation.length > LARGEST_NOTE) {
    refuse('refused', `tl-id, tl-replace, response topic and correlation data have more than ${LARGEST_NOTE} bytes together`);
    tlId = replaces = response = '';
    correlation = NOTHING;
  }
  if (!isWord(tlId) || !isWord(replaces)) {
    refuse('refused', 'tl-id and tl-replace must be text without control characters');
    tlId = replaces = '';
  }
  if (message.retain) refuse('refused', 'it is retained: at every subscription it would be sent again, however old');
  const head = sub === '' ? 0 : Buffer.byteLength(sub) + 3, largest = LARGEST_ACKNOWLEDGED - head;
  if (sub !== '' && !isTopic(sub)) refuse('refused', 'what stands behind down/ is no topic that a device can be told: 1 to 255 bytes without control characters');
  if (body.length > largest) refuse('too long', `${body.length} bytes, and no device takes more than ${largest}`);
  if (agesUnknown && note.time === undefined && expiry === undefined) refuse('age unknown', 'the gateway was away for longer than the lifetime, and it has neither tl-time nor an expiry');
  return {
    identity, topic: refusal === undefined ? sub : '', trust: TRUSTS.indexOf(secure ? 'tls' : 'none'), made, deadline: Math.floor(deadline), replaces,
    body: refusal === undefined ? body : NOTHING,
    once: onceOf(identity, sub, tlId, response, correlation),
    response, correlation, tlId,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

/** A database need not take every text: PostgreSQL no NUL, and no UTF-8 has half a pair of surrogates. */
function isWord(text: string): boolean {
   
  return !/[\x00-\x1f\x7f]/.test(text) && Buffer.from(text, 'utf8').toString('utf8') === text;
}

/** Empty: nothing tells it from another like it. */
function onceOf(identity: string, sub: string, tlId: string, response: string, correlation: Buffer): string {
  const parts = tlId !== '' ? ['tl-id', identity, sub, tlId] : response !== '' && correlation.length > 0 ? ['asked', identity, sub, response, correlation.toString('base64')] : undefined;
  return parts === undefined ? '' : createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
