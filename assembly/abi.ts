// Every number that the core and its hosts share, once. AssemblyScript compiles this file into the core,
// TypeScript compiles the same file into the Node package; docs/abi.md explains each name.

/** Raised whenever an export, a record or an offset below changes its meaning. */
export const ABI_VERSION = 1;

// ---- Statuses: what exports return. Zero or more is success, negative says why nothing was done. ----
export const OK = 0;
export const MORE = 1; //          stopped because the host must act on an event; call again with length 0
export const E_STATE = -1; //      not allowed in this state
export const E_ARGUMENT = -2; //   a value out of range
export const E_ROOM = -3; //       no room in the output: take it and call again
export const E_EVENTS = -4; //     events of an earlier call are still unread
export const E_ENTROPY = -5; //    the entropy area is all zero: no session without randomness
export const E_TOO_LONG = -6; //   the body is longer than the peer takes
export const E_ORDER = -7; //      a body or verdict for an id that is not the next one
export const E_SLOTS = -8; //      no free slot: grow
export const E_REFUSED = -9; //    the proof is older than the identity's live session

// ---- Frame types (bits 4..0 of the first byte) and its flags ----
export const HELLO = 1;
export const CHALLENGE = 2;
export const PROOF = 3;
export const READY = 4;
export const DATA = 8;
export const ACK = 9;
export const PING = 10;
export const PONG = 11;
export const CLOSE = 20;
export const SKIP = 21;
export const TYPE_MASK = 0x1f;
export const FLAG_WANTED = 0x20; // an ACK is wanted: message id and age lead the body
export const FLAG_REPEAT = 0x40; // may have been acted on before
export const FLAG_NATIVE = 0x80; // always set on the wire

// ---- Suites (one bit each) and link bits of HELLO ----
export const SUITE_SEALED = 1;
export const SUITE_SIGNED = 2;
export const SUITE_SIGNED_8 = 4;
export const LINK_DATAGRAM = 1;
export const LINK_TLS = 2;

// ---- ACK statuses on the wire; bit 7 set means not final ----
export const ACK_OK = 0;
export const ACK_REFUSED = 1;
export const ACK_TOO_LONG = 2;
export const ACK_NO_TARGET = 3;
export const ACK_STALE = 0x80;
export const ACK_BUSY = 0x81;
export const ACK_UNKNOWN_OUTBOX = 0x82;

// ---- CLOSE reasons on the wire ----
export const CLOSE_NORMAL = 1; //      the application closed
export const CLOSE_GOING_AWAY = 2; //  the gateway stops or restarts
export const CLOSE_TAKEN_OVER = 3; //  a later session of the same identity
export const CLOSE_IDLE = 4;
export const CLOSE_EXPIRED = 5; //     session life is over
export const CLOSE_DISABLED = 6; //    the operator disabled the identity or revoked its key
export const CLOSE_BUSY = 7; //        no capacity now
export const CLOSE_OUTBOX = 8; //      the sender's outbox was renewed: shake hands again
export const CLOSE_CLOCK = 9; //       the gateway's clock stepped
export const CLOSE_PROTOCOL = 10; //   the peer broke the protocol

// ---- Refusals: reason of EV_REFUSED and index of the counters ----
export const REFUSED_BAD_TAG = 1;
export const REFUSED_REPLAY = 2; //       counter seen before or behind the window (datagrams)
export const REFUSED_STALE = 3;
export const REFUSED_FUTURE = 4;
export const REFUSED_TOO_LONG = 5;
export const REFUSED_MALFORMED = 6; //    form of the length, or a body that does not parse
export const REFUSED_UNKNOWN_TYPE = 7;
export const REFUSED_TIME_RANGE = 8; //   before the epoch or beyond the session's life
export const REFUSED_BAD_PROOF = 9;
export const REFUSED_CHALLENGE = 10; //   CHALLENGE with a suite, version or proof that does not hold
export const REFUSED_ROUND_TRIP = 11; //  the handshake took longer than the device allows
export const REFUSED_HELLO = 12; //       HELLO malformed, or of another link or version
export const REFUSED_NO_SUITE = 13; //    no offered suite is allowed by policy
export const REFUSED_OLD_CHALLENGE = 14; // PROOF for a challenge over 10 s old or of another gateway
export const REFUSED_CLOCK_LOST = 15; //  the own clock is lost: only PING, PONG and CLOSE are handled
export const REFUSED_PONG = 16; //        answers no outstanding PING, or took longer than the window
export const REFUSED_ORDER = 17; //       a message id that is not the next: not taken, not remembered
export const REFUSED_STATE = 18; //       a frame that has no place in this state
export const REFUSED_COUNT = 19;

// ---- Events: 16-byte records {kind u8, a u8, b u16, c u32, d u32, e u32} ----
export const EVENT_BYTES = 16;
export const EV_CONNECT = 1; //     device: open the link, then call connected
export const EV_DISCONNECT = 2; //  close the link now. a: DOWN_*; b: refusal, close reason or 0; d: ms until the next try
export const EV_ONLINE = 3; //      READY came. a: suite; d: session
export const EV_MESSAGE = 4; //     a: type byte; b: body length; c: body address; d: message id or 0; e: session ms (signed) when it was taken
export const EV_SEND = 5; //        a: how many; c: slot; d: first id: hand over these bodies, in order
export const EV_RESULT = 6; //      a: ACK status; c: slot; d: id (ok: this and all before it)
export const EV_OUTBOX = 7; //      the peer does not know the outbox. c: slot; d: last id that is in doubt; those after it were never taken
export const EV_REFUSED = 8; //     a: REFUSED_*; b: type byte; c: slot; d: message id or 0; e: milliseconds off, or 0
export const EV_CLOSED = 9; //      CLOSE came. a: reason; b: retry-after s; c: slot
export const EV_CLOCK = 10; //      device: the clock was set again. d: correction ms (signed); e: round trip ms
export const EV_HELLO = 16; //      gateway: a: key id; b: identity length; c: identity address; d: slot: give the key, call gw_key
export const EV_PROVED = 17; //     gateway: c: slot; d: session; e: the device's outbox: call gw_accept or gw_close
export const EV_DUE = 18; //        gateway: c: slot: call gw_due

// ---- Why a link went down (EV_DISCONNECT.a) ----
export const DOWN_HOST = 1; //       the host said so (close, stop)
export const DOWN_LINK = 2; //       the link was lost
export const DOWN_CLOSED = 3; //     the peer sent CLOSE; b: its reason
export const DOWN_REFUSED = 4; //    a frame broke the stream; b: REFUSED_*
export const DOWN_TIMEOUT = 5; //    no CHALLENGE or READY in 10 s, three PINGs unanswered, idle
export const DOWN_EXPIRED = 6; //    session life is over
export const DOWN_OUTBOX = 7; //     a new outbox needs a new handshake
