/** What a PUBLISH is made of, beyond topic and payload. */

/** No answer came: the connection went first. */
export const DROPPED = -1;
/** Nobody has subscribed (MQTT 5.0, section 3.4.2.1). */
export const NOBODY = 0x10;
/** From here on a reason code is a failure. */
export const FAILURE = 0x80;

/** Properties of MQTT 5 that are used here. */
export interface PublishProperties {
  readonly userProperties?: Readonly<Record<string, string>>;
  readonly correlationData?: Buffer;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
}

/** Reasons of a refusal that another try would meet again (MQTT 5.0, section 3.4.2.1): not authorized, topic name, packet size, payload format. */
const FOR_GOOD = new Set([0x87, 0x90, 0x95, 0x99]);

export function isForGood(reason: number): boolean {
  return FOR_GOOD.has(reason);
}

const REASONS: Readonly<Record<number, string>> = {
  0x10: 'nobody has subscribed', 0x80: 'unspecified error', 0x83: 'implementation specific error', 0x87: 'not authorized', 0x90: 'topic name invalid',
  0x95: 'packet too large', 0x97: 'quota exceeded', 0x99: 'payload format invalid',
};

export function reasonText(reason: number): string {
  return reason === DROPPED ? 'no answer' : `0x${reason.toString(16).padStart(2, '0')} ${REASONS[reason] ?? ''}`.trimEnd();
}

/** Longest string or binary of a packet (MQTT 5.0, section 1.5.4). */
const LONGEST_WORD = 65_535;

/** Each string has room for its length. */
export function wordsFit(topic: string, properties: PublishProperties | undefined): boolean {
  if (!fitsWord(topic) || (properties?.correlationData?.length ?? 0) > LONGEST_WORD) return false;
  for (const name in properties?.userProperties) if (!fitsWord(name) || !fitsWord(properties.userProperties[name]!)) return false;
  return true;
}

/** Three bytes a UTF-16 unit at most: what is short needs no counting. */
function fitsWord(text: string): boolean {
  return 3 * text.length <= LONGEST_WORD || Buffer.byteLength(text) <= LONGEST_WORD;
}

/** Bytes that it takes at QoS 1, a few more than exact. */
export function packetBytes(topic: string, payload: Buffer | string, properties: PublishProperties | undefined): number {
  // Fixed header, topic and its length, packet id; length of the properties.
  let bytes = 5 + 2 + Buffer.byteLength(topic) + 2 + 4 + Buffer.byteLength(payload);
  for (const [name, value] of Object.entries(properties?.userProperties ?? {})) bytes += 5 + Buffer.byteLength(name) + Buffer.byteLength(value);
  if (properties?.correlationData !== undefined) bytes += 3 + properties.correlationData.length;
  if (properties?.messageExpiryInterval !== undefined) bytes += 5;
  return bytes;
}
