/**
 * Reads a trace of the system calls of a gateway, and of PostgreSQL where that is its database (strace -f -yy): for each ACK that left on a TCP
 * connection, and each PUBACK, whether every message that it answers for had been written to the database's log and the log flushed to the
 * disk before.
 */
export interface AckSeen {
  /** It answers for all messages up to this number. */
  readonly id: number;
  /** Numbers up to it that had not been flushed when it left. */
  readonly unflushed: number[];
}

interface Call {
  readonly name: string;
  readonly text: string;
}

/** ACK frame of a stream under `signed`: type, length 5, time u24, number u32, status, tag [16] (protocol.md, "Frame"). */
const ACK = 0x89, ACK_BODY = 5, TAG = 16, HEAD = 5;
const READY = 0x84;

/** The calls in the order in which they count: a write to a file from when it ended, a flush and a write to a socket from when it began. */
function calls(trace: string): { begins: boolean; ends: boolean; call: Call }[] {
  const events: { begins: boolean; ends: boolean; call: Call }[] = [];
  const begun = new Map<string, Call>();
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    if (resumed !== null) {
      const first = begun.get(thread);
      if (first !== undefined) events.push({ begins: false, ends: true, call: { name: first.name, text: first.text + resumed[1] } });
      continue;
    }
    const name = /^(\w+)\(/.exec(rest)?.[1];
    if (name === undefined) continue;
    if (rest.endsWith('<unfinished ...>')) {
      const call = { name, text: rest.slice(0, -'<unfinished ...>'.length) };
      begun.set(thread, call);
      events.push({ begins: true, ends: false, call });
    } else {
      events.push({ begins: true, ends: true, call: { name, text: rest } });
    }
  }
  return events;
}

/** The bytes of all quoted strings of a call. */
function bytesIn(text: string): Buffer {
  const parts: number[] = [];
  for (const [, quoted = ''] of text.matchAll(/"((?:[^"\\]|\\.)*)"/g)) {
    for (const [, hex, octal, letter, plain] of quoted.matchAll(/\\x([0-9a-f]{2})|\\([0-7]{1,3})|\\(.)|([^\\])/g)) {
      if (hex !== undefined) parts.push(parseInt(hex, 16));
      else if (octal !== undefined) parts.push(parseInt(octal, 8));
      else if (letter !== undefined) parts.push({ n: 10, t: 9, r: 13, v: 11, f: 12 }[letter] ?? letter.charCodeAt(0));
      else parts.push(plain!.charCodeAt(0));
    }
  }
  return Buffer.from(parts);
}

/** Numbers of the ACKs in one write of frames with tags; READY may go before them. */
function acksIn(bytes: Buffer): number[] {
  const ids: number[] = [];
  for (let at = 0; at + HEAD + TAG <= bytes.length; ) {
    if (bytes[at]! < READY) return ids; // CHALLENGE
    const length = bytes[at + 1]!;
    if (length > 127) throw new Error('a frame of the gateway is longer than this reader knows');
    if (bytes[at] === ACK && length === ACK_BODY && bytes[at + 9] === 0) ids.push(bytes.readUInt32BE(at + HEAD));
    at += HEAD + length + TAG;
  }
  return ids;
}

/** SQLite's log beside its database, or a segment of PostgreSQL's. */
const LOG = String.raw`\(\d+<[^>]*(?:-wal|/pg_wal/[0-9A-F]{24})>`;
const LOG_WRITE = new RegExp(`^pwrite(64|v)${LOG}`);
const LOG_FLUSH = new RegExp(`^f(data)?sync${LOG}`);

/** What of the messages has reached the disk. Their numbers begin at `first`, and they are written in order. */
class Disk {
  readonly #written = new Map<number, 'written' | 'flushing' | 'flushed'>();
  readonly #first: number;
  readonly #markerOf: (id: number) => string;
  #largest: number;

  constructor(first: number, markerOf: (id: number) => string) {
    this.#first = first;
    this.#largest = first - 1;
    this.#markerOf = markerOf;
  }

  /** False: it has to do with no log. */
  saw({ text }: Call, begins: boolean, ends: boolean): boolean {
    if (LOG_WRITE.test(text)) {
      if (!ends) return true;
      const bytes = bytesIn(text).toString('latin1');
      // A page holds older rows too; those stay as they are.
      for (let id = this.#largest + 1; bytes.includes(this.#markerOf(id)); id++) {
        this.#largest = id;
        this.#written.set(id, 'written');
      }
    } else if (LOG_FLUSH.test(text)) {
      if (begins) for (const [id, state] of this.#written) if (state === 'written') this.#written.set(id, 'flushing');
      if (ends && / = 0$/.test(text)) for (const [id, state] of this.#written) if (state === 'flushing') this.#written.set(id, 'flushed');
    } else {
      return false;
    }
    return true;
  }

  /** Numbers up to `id` that are not flushed. */
  unflushed(id: number): number[] {
    const unflushed = [];
    for (let number = this.#first; number <= id; number++) if (this.#written.get(number) !== 'flushed') unflushed.push(number);
    return unflushed;
  }
}

/** On a TCP connection. */
const SENT = /^(?:write|writev|sendto|sendmsg)\(\d+<(TCP[^>]*->[^>]*)>/;
const GOT = /^(?:read|readv|recvfrom|recvmsg)\(\d+<(TCP[^>]*->[^>]*)>/;

/** `markerOf`: what stands in the body of the message with this number. Numbers of a device's messages begin at `first`. */
export function readTrace(trace: string, first: number, markerOf: (id: number) => string): AckSeen[] {
  const disk = new Disk(first, markerOf), seen: AckSeen[] = [];
  for (const { begins, ends, call } of calls(trace)) {
    if (disk.saw(call, begins, ends) || !begins || !SENT.test(call.text)) continue;
    for (const id of acksIn(bytesIn(call.text))) if (id >= first) seen.push({ id, unflushed: disk.unflushed(id) });
  }
  return seen;
}

/** Whole packets of MQTT at the beginning of `bytes`, and how much of it they are. */
function packetsIn(bytes: Buffer): { packets: Buffer[]; taken: number } {
  const packets: Buffer[] = [];
  let taken = 0;
  for (;;) {
    let length = 0, at = taken + 1, shift = 0;
    for (; bytes[at] !== undefined; shift += 7) {
      const byte = bytes[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (at > bytes.length || bytes[at - 1]! >= 0x80 || at === taken + 1 || at + length > bytes.length) return { packets, taken };
    packets.push(bytes.subarray(taken, at + length));
    taken = at + length;
  }
}

const PUBLISH_1 = 0x32, PUBACK = 0x40;

/** Packet identifier of a PUBLISH at QoS 1: behind the topic (MQTT 5.0, section 3.3.2.2). */
function idOf(packet: Buffer): number {
  let at = 1;
  while (packet[at]! >= 0x80) at++;
  return packet.readUInt16BE(at + 3 + packet.readUInt16BE(at + 1));
}

/** For each PUBACK of a command: the command's number, and those up to it that were not flushed when it left. */
export function readPubacks(trace: string, first: number, markerOf: (id: number) => string): AckSeen[] {
  const disk = new Disk(first, markerOf), seen: AckSeen[] = [], rest = new Map<string, Buffer>(), ids = new Map<string, number>();
  let next = first;
  for (const { begins, ends, call } of calls(trace)) {
    if (disk.saw(call, begins, ends)) continue;
    const got = ends ? GOT.exec(call.text) : null, sent = begins ? SENT.exec(call.text) : null;
    if (got !== null) {
      const [, connection = ''] = got, bytes = Buffer.concat([rest.get(connection) ?? Buffer.alloc(0), bytesIn(call.text)]), { packets, taken } = packetsIn(bytes);
      rest.set(connection, bytes.subarray(taken));
      for (const packet of packets) if (packet[0] === PUBLISH_1 && packet.includes(markerOf(next))) ids.set(`${connection} ${idOf(packet)}`, next++);
    } else if (sent !== null) {
      const [, connection = ''] = sent;
      for (const packet of packetsIn(bytesIn(call.text)).packets) {
        const id = packet[0] === PUBACK ? ids.get(`${connection} ${packet.readUInt16BE(2)}`) : undefined;
        if (id !== undefined) seen.push({ id, unflushed: disk.unflushed(id) });
      }
    }
  }
  return seen;
}
