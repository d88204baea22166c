/**
 * What the core and its host say to each other, in TypeScript. The numbers are those of assembly/abi.ts,
 * the rules those of docs/abi.md. `now` is always a monotonic clock in whole milliseconds, taken modulo 2^32.
 */

/** One message on its way out. */
export interface Outgoing {
  /** Frame type: `DATA`, `SKIP`, to a gateway `ROUTE`, to a device `DELIVER`. */
  type: number;
  /** Message id of the delivery queue, or 0 where no acknowledgement is wanted. */
  id: number;
  /** Age of the message in ms: how long it has waited since it was made. Only sent where `id` is not 0. */
  age: number;
  /** True where it may have been acted on before (the frame's bit 6). */
  repeat: boolean;
  /** The application's bytes, for ROUTE and DELIVER with the head in front; empty for SKIP. */
  body: Uint8Array;
}

/** What both roles tell their host. Every method is called synchronously from inside the core's wrapper. */
export interface SessionSink {
  /** Bytes to write to the link: on a stream any number of frames, on datagrams exactly one. The sink owns the buffer. */
  output(bytes: Buffer): void;
  /**
   * A frame whose tag held. The body is `chunk.subarray(start, end)`: a view of the received bytes (`signed`) or of one copy
   * a chunk (`sealed`) that stays valid; making the view is left to whoever wants it, because at a million messages a second
   * it costs more than the call. `id` 0: no acknowledgement is wanted; else the host must answer with `answer(id, status)`,
   * now or later, in the order of ids (SKIP is reported too: its receipt must be made durable). `time`: session ms at which
   * the message was taken (frame time minus age), may be negative; `flags` is the frame's first byte.
   */
  message(chunk: Buffer, start: number, end: number, id: number, time: number, flags: number): void;
  /** The core can send now: hand over the bodies of ids first … first+count-1 in this order with `send` (SKIP for one given up). */
  wanted(first: number, count: number): void;
  /** The end of message `id`: ACK_OK means this and every id before it; a final refusal means this id alone, and SKIP must follow under the same id (the core asks for it by `wanted`). Non-final statuses (stale, busy) are information: the core tries again by itself. */
  result(id: number, status: number): void;
  /** The peer does not know our outbox: ids up to `doubt` are in doubt, those after it were never taken. A new outbox needs a new handshake. */
  outboxUnknown(doubt: number): void;
  /** A frame was refused; `reason` is REFUSED_*. */
  refused(reason: number, type: number, id: number, off: number): void;
  /** Datagrams: a probe of this many bytes has come through. */
  probed?(bytes: number): void;
  /** The peer said CLOSE; `disconnect` follows. */
  closed(reason: number, retryAfter: number): void;
  /** Close the link now, after what was given to `output` is written. `why` is DOWN_*, `detail` a refusal or close reason, `wait` ms until the device's next try. */
  disconnect(why: number, detail: number, wait: number): void;
}

export interface GatewaySink extends SessionSink {
  /** Datagrams: one for the address that the datagram being received came from, which is not yet the session's. */
  outputToSource?(bytes: Buffer): void;
  /** Datagrams: the device has proved to be at the address that the datagram being received came from. */
  moved?(): void;
  /** A well-formed HELLO: answer with `core.key(slot, …)`, at once or later; input waits until then. */
  hello(identity: string, keyId: number): void;
  /** The device has proved itself: `core.accept(slot, …)` or `core.close(slot, …)`, at once or later; input waits until then. */
  proved(session: number, outbox: number): void;
}

export interface DeviceSink extends SessionSink {
  /** Open the link, then call `connected` (or `lost` where it can't be opened). */
  connect(): void;
  /** READY came: the session stands. `fresh`: the gateway's outbox is another than before, so ids of messages still being handled mean nothing any more: give no answer for them. */
  online(suite: number, session: number, fresh: boolean): void;
  /** The session clock was set again by PING/PONG. */
  clock(correction: number, roundTrip: number): void;
}

/** The delivery record of an identity, handed to the core when a session is accepted. */
export interface Receipts {
  /** Highest id taken from the device's present outbox (0: none, or another outbox). */
  inLast: number;
  /** Our own outbox towards the device; told in READY. */
  outOutbox: number;
  /** Lowest id not yet acknowledged. */
  outLow: number;
  /** Highest id that was sent in an earlier session (outLow-1: none). */
  outSent: number;
  /** The next id to be given: ids outLow … outNext-1 are waiting. */
  outNext: number;
}

/** Times of the gateway, told to every device in READY. */
export interface GatewaySettings {
  /** 32 random bytes, per process, in RAM only. */
  secret: Uint8Array;
  /** Unix ms at `now`. */
  unix: number;
  now: number;
  /** ms a frame may be off; default 2,000. */
  window: number;
  /** Session life in s; default 86,400. */
  life: number;
  /** s without a frame from the device before the session ends; default 90. */
  idle: number;
  /** s over which devices spread their first reconnect; default 0. */
  spread: number;
  /** Largest body in bytes that the gateway takes; default 16,383. */
  largest: number;
  /** Suites allowed without TLS (bits), default SUITE_SEALED, and inside TLS, default all three. */
  suites: number;
  suitesTls: number;
}

/** Many sessions in one WASM instance. `slot` is a small integer that `open` gives and `free` takes back. */
export interface GatewayCoreApi {
  open(sink: GatewaySink, link: number, now: number): number;
  /**
   * Takes the bytes of one read (one datagram); calls the sink. A partial frame is kept, bounded by the largest frame.
   * `source`: of a handshake's datagram, address 16 bytes (IPv4-mapped) and port 2.
   * `path`: 0 where a datagram came from the session's address, else a number from PROBE_PATH on that stands for its source.
   */
  receive(slot: number, chunk: Buffer, now: number, path?: number, source?: Uint8Array): void;
  /** PING that makes a datagram of `bytes`; `probed` where it is answered. False: not now. */
  probe(slot: number, bytes: number, now: number): boolean;
  /** The largest datagram that the path takes; 1,200 until it is told. */
  setBudget(slot: number, bytes: number): void;
  /** `key` undefined: the identity is unknown or disabled; the handshake goes on under a fake key. `lastEpoch`: the identity's newest session's epoch (unix ms) or 0. */
  key(slot: number, key: Uint8Array | undefined, lastEpoch: number, now: number): void;
  /** Sends READY. `liveEpoch`: epoch of the identity's live session that this one takes over, or 0. False: this proof is older than that session; the link is to be closed. */
  accept(slot: number, receipts: Receipts, liveEpoch: number, now: number): boolean;
  /** Verdict on message `id` (ACK_OK, a final refusal, or ACK_BUSY). ACK_OK on id n acknowledges all reported ids up to n in one frame. */
  answer(slot: number, id: number, status: number, now: number): void;
  /** Ids below `next` are now queued for the device; `wanted` follows when they may go. */
  queued(slot: number, next: number, now: number): void;
  /** Frames and signs as many of the messages as there is room for, in one crossing; returns how many were taken or the negative status of the first: E_ORDER: the core has gone back, drop them, `wanted` comes again; E_TOO_LONG: longer than the peer takes (give SKIP in its place); E_TARGET: a ROUTE or DELIVER that must not go; E_STATE: no session, or a body above 1,024 bytes before READY (it is asked for again). */
  send(slot: number, messages: Outgoing[], now: number): number;
  /** Sends CLOSE (where keys exist) and ends the session; `disconnect` follows. */
  close(slot: number, reason: number, retryAfter: number, now: number): void;
  /** To be called about every 250 ms: handshake deadlines, idle, life, retries of all sessions. */
  tick(now: number): void;
  /** Wipes the slot. The sink hears nothing afterwards. */
  free(slot: number): void;
  /** Session facts. */
  info(slot: number): SessionInfo;
  /** Refused frames since start, by REFUSED_* index. */
  counters(): Uint32Array;
}

export interface SessionInfo {
  suite: number;
  session: number;
  /** Unix ms of session time 0. */
  epoch: number;
  /** The largest body that the peer takes. */
  largest: number;
  link: number;
}

export interface DeviceSettings {
  id: string;
  /** 32 bytes; the core keeps a copy until `wipe`. */
  key: Uint8Array;
  keyId: number;
  /** LINK_* bits. */
  link: number;
  /** SUITE_* bits offered; default SUITE_SEALED without TLS. */
  suites: number;
  largest: number;
  /** Longest round trip of the handshake in ms; 0: the window that the gateway tells. */
  roundTrip: number;
  /** Our outbox, ids outLow … outNext-1 waiting, outSent the highest ever sent. */
  outbox: number;
  outLow: number;
  outSent: number;
  outNext: number;
  /** Record of what came from the gateway: its outbox and the last id taken (0, 0: none). */
  inOutbox: number;
  inLast: number;
  /** ms after which the own clock may be off by a quarter of the window; default 9,720,000 (a 50 ppm crystal). */
  drift?: number;
}

/** The device's whole state machine: when to connect, to ping, to send again, to wait. */
export interface DeviceCoreApi {
  /** Starts (or starts again after stop); `connect` follows at once or when a wait is over. */
  start(now: number): void;
  /** The link that is up now is of this kind (LINK_* bits), and these suites are offered on it; before `connected`. */
  useLink(link: number, suites: number): void;
  connected(now: number): void;
  /** The link was lost, or could not be opened. `disconnect` follows with the wait until the next try. */
  lost(now: number): void;
  receive(chunk: Buffer, now: number): void;
  answer(id: number, status: number, now: number): void;
  queued(next: number, now: number): void;
  send(messages: Outgoing[], now: number): number;
  /** After `outboxUnknown`: the new outbox and its next id; a new handshake follows by itself. */
  renumber(outbox: number, next: number, now: number): void;
  /** As GatewayCoreApi.probe and setBudget. The budget stays from one session to the next. */
  probe(bytes: number, now: number): boolean;
  setBudget(bytes: number): void;
  /** CLOSE to the gateway and no reconnect: `disconnect` follows. */
  stop(now: number): void;
  /** The monotonic clock did not run through a sleep: only PING, PONG and CLOSE until it is set again. */
  clockLost(now: number): void;
  /** Does what is due and returns the ms until the next deadline. */
  poll(now: number): number;
  info(): SessionInfo;
  /** The receiver's record (what a durable device stores). */
  record(): { inOutbox: number; inLast: number };
  counters(): Uint32Array;
  /** Overwrites every key and buffer; the core can't be used afterwards. */
  wipe(): void;
}
