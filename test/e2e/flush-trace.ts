/**
 * Reads a trace of a gateway's system calls (strace -f -yy): for each ACK that left on a TCP connection, whether every
 * message that it answers for had been written to the database's log and the log flushed to the disk before.
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

/** `markerOf`: what stands in the body of the message with this number. Numbers of a device's messages begin at `first`. */
export function readTrace(trace: string, first: number, markerOf: (id: number) => string): AckSeen[] {
  const written = new Map<number, 'written' | 'flushing' | 'flushed'>();
  const seen: AckSeen[] = [];
  let largest = first - 1;
  for (const { begins, ends, call } of calls(trace)) {
    const { name, text } = call;
    if (/^pwrite(64|v)\(\d+<[^>]*-wal>/.test(text)) {
      if (!ends) continue;
      const bytes = bytesIn(text).toString('latin1');
      // A page holds older rows too; those stay as they are.
      for (let id = largest + 1; bytes.includes(markerOf(id)); id++) {
        largest = id;
        written.set(id, 'written');
      }
    } else if (/^f(data)?sync\(\d+<[^>]*-wal>/.test(text)) {
      if (begins) for (const [id, state] of written) if (state === 'written') written.set(id, 'flushing');
      if (ends && / = 0$/.test(text)) for (const [id, state] of written) if (state === 'flushing') written.set(id, 'flushed');
    } else if (begins && /^(write|writev|sendto|sendmsg)\(\d+<TCP/.test(text) && ['write', 'writev', 'sendto', 'sendmsg'].includes(name)) {
      for (const id of acksIn(bytesIn(text))) {
        if (id < first) continue;
        const unflushed = [];
        for (let number = first; number <= id; number++) if (written.get(number) !== 'flushed') unflushed.push(number);
        seen.push({ id, unflushed });
      }
    }
  }
  return seen;
}
