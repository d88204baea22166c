// Every number that the core and its hosts share, once. AssemblyScript compiles this file into the core,
// TypeScript compiles the same file into the Node package; docs/abi.md explains each name.

/** Raised whenever an export, a record or an offset below changes its meaning. */
export const ABI_VERSION = 3;

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
export const E_TOO_SHORT = -10; // IoTSocket: fewer characters than the receiver takes
export const E_TEXT = -11; //      IoTSocket: not UTF-8
export const E_DELIMITER = -12; // IoTSocket: the delimiter would stand inside the body
export const E_PARTIAL = -13; //   the observer: the frame has not come whole
export const E_TARGET = -14; //    ROUTE or DELIVER: its head breaks a rule, goes the wrong way, or fits no first FRAGMENT

// ---- Frame types (bits 4..0 of the first byte) and its flags ----
export const HELLO = 1;
export const CHALLENGE = 2;
export const PROOF = 3;
export const READY = 4;
export const DATA = 8;
export const ACK = 9;
export const PING = 10;
export const PONG = 11;
export const ROUTE = 12;
export const DELIVER = 13;
export const FRAGMENT = 19;
export const CLOSE = 20;
export const SKIP = 21;
export const DISCOVER = 24; // datagrams of their own, never in a session
export const OFFER = 25;
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

// ---- Bodies of ROUTE (to the gateway) and DELIVER (to the device); what stands behind the name is the application's ----
export const KIND_TOPIC = 7; //         of target and source: the one kind of this version
export const TOPIC_BYTES = 255; //      longest name
export const ROUTE_LIFETIME = 0; //     u16 s, big-endian; 0: without end
export const ROUTE_KIND = 2; //         u8
export const ROUTE_NAME_BYTES = 3; //   u8
export const ROUTE_NAME = 4;
export const DELIVER_KIND = 0; //       u8
export const DELIVER_NAME_BYTES = 1; // u8
export const DELIVER_NAME = 2; //       and behind it trust u8, TRUST_*
export const TRUST_NONE = 0; //         nothing vouches for the source
export const TRUST_TLS = 1; //          the source was inside TLS with the gateway
export const TRUST_PROVED = 2; //       it has proved its key, or is the gateway's own application

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

// ---- Events: 16-byte records {kind u8, a u8, b u16, c u32, d u32, e u32}; c is the slot's address where nothing else is said ----
export const EVENT_BYTES = 16;
export const EV_CONNECT = 1; //     device: open the link, then call connected
export const EV_DISCONNECT = 2; //  close the link now. a: DOWN_*; b: refusal, close reason or 0; d: ms until the next try
export const EV_ONLINE = 3; //      READY came. a: suite; b: 1 where the gateway's outbox is another than before; d: session
export const EV_MESSAGE = 4; //     a: type byte; b: body length; c: body address, 0 where it is what fragments brought; d: message id or 0; e: session ms (signed) when it was taken
export const EV_SEND = 5; //        a: how many; d: first id: hand over these bodies, in order
export const EV_RESULT = 6; //      a: ACK status; d: id (ok: this and all before it)
export const EV_OUTBOX = 7; //      the peer does not know the outbox. d: last id that is in doubt; those after it were never taken
export const EV_REFUSED = 8; //     a: REFUSED_*; b: type byte; d: message id or 0; e: milliseconds off, or 0
export const EV_CLOSED = 9; //      CLOSE came. a: reason; b: retry-after s
export const EV_CLOCK = 10; //      device: the clock was set again. d: correction ms (signed); e: round trip ms
export const EV_FRAGMENT = 11; //   a: type byte; b: length and c: address of a part; d: message id; e: its offset u16 | the message's length u16 << 16. b 0: forget the parts of id d
export const EV_PROBED = 12; //     a probe was answered. d: its number; e: round trip ms
export const EV_HELLO = 16; //      gateway: a: key id; b: identity length; c: identity address: give the key, call gw_key
export const EV_PROVED = 17; //     gateway: d: session; e: the device's outbox: call gw_accept or gw_close
export const EV_DUE = 18; //        gateway: d: slot: call gw_due
export const EV_REPEAT = 19; //     gateway: a PROOF that was accepted before came again. d: slot that it opened: call gw_again
export const EV_PATH = 20; //       gateway: the newest frame came from another address than the session's. d: G_PATH: call gw_probe

// ---- Why a link went down (EV_DISCONNECT.a) ----
export const DOWN_HOST = 1; //       the host said so (close, stop)
export const DOWN_LINK = 2; //       the link was lost
export const DOWN_CLOSED = 3; //     the peer sent CLOSE; b: its reason
export const DOWN_REFUSED = 4; //    a frame broke the stream; b: REFUSED_*
export const DOWN_TIMEOUT = 5; //    no CHALLENGE or READY in 10 s, three PINGs unanswered, idle
export const DOWN_EXPIRED = 6; //    session life is over
export const DOWN_OUTBOX = 7; //     a new outbox needs a new handshake

// ---- The arena: `arena()` gives its address; these are offsets in it. All little-endian where nothing else is said. ----
// What code reads most stands first: an access to an address above 190 takes a byte more (scripts/lib/compile-core.mjs).
export const A_EVENT_COUNT = 0; //  u32: events in the list; the host sets it to 0 when it has read them
export const A_OUT_BYTES = 4; //    u32: bytes in the output
export const A_RX_FROM = 8; //      u32: address of the first received byte that is not handled yet
export const A_RX_TO = 12; //       u32: address behind the last one: the host puts the next ones here
export const A_JOB = 16; //         32 bytes of the core's own
export const A_SLOT = 48; //        the device's slot, S_* offsets
export const A_EVENTS = 560; //     u32: address of the event list
export const A_OUT = 564; //        u32: address of the output; the body of the next `send` goes SEND_AHEAD + A_OUT_BYTES behind it
export const A_OUT_CAP = 568; //    u32: its size
export const A_RX_END = A_OUT; //   u32: address behind the last byte that the input holds: there the output begins
export const A_ENTROPY = 576; //    32 fresh random bytes before `init` and before each `connected`; the core wipes them
export const A_KEY = 608; //        the device's key, 32 bytes
export const A_ROUND_TRIP = 640; // u32 ms: longest handshake round trip; 0: the window that CHALLENGE tells
export const A_DRIFT = 644; //      u32 ms after which the own clock may be off by window/4: 9,720,000 for a 50 ppm crystal
export const A_COUNTERS = 648; //   REFUSED_COUNT counters, u32 each
export const ARENA_FIXED = 728;
export const SEND_AHEAD = 20;

// ---- A session's slot. A host reads any of it; a device's host writes those marked * before `init`. ----
export const S_STATE = 0; //        u8, STATE_*
export const S_LINK = 1; //         u8 *, also before `connected`: LINK_*
export const S_TAG_BYTES = 2; //    u8
export const S_HELLO_BYTES = 3; //  u8 *: length of H
export const S_TX_COUNTER = 8; //   u64: frames sent
export const S_RX_COUNTER = 16; //  u64: next counter expected
export const S_LOW = 56; //         u32 *: lowest id of the own outbox that is not acknowledged
export const S_SENT = 60; //        u32 *: highest id ever framed
export const S_NEXT = 64; //        u32 *, at any time: ids below are queued at the host
export const S_IN_LAST = 72; //     u32 *: last id taken from the peer's outbox
export const S_BASE = 84; //         u32: the host's `now` at session time 0
export const S_LARGEST = 96; //     u32: largest body the peer takes
export const S_PINGS = 52; //       u8: PINGs in a row that wait for an answer
export const S_CLOCK_LOST = 53; //  u8 *, at any time: 1, and S_PINGS 0, where the host's clock did not run through a sleep
export const S_TAKES = 124; //      u32 *: the largest body that is taken
export const S_BUDGET = 368; //     u16 *, at any time: largest datagram that the path takes, in bytes; a larger message goes as FRAGMENTs
export const S_IN_OUTBOX = 144; //  u32 *: the peer's outbox that the record is about, big-endian at the device
export const S_PART_FORM = 168; //  u32 *, at any time: 0 forgets the FRAGMENTs that have come of a message that is not whole
export const S_OUTBOX = 148; //     u32: the own outbox (gateway; the device's stands in its HELLO)
export const S_C = 464; //          C, as CHALLENGE has it; H (*: all but nonce and length of the identity) ends where C begins
export const S_SUITE = 465; //      u8: in C
export const S_SESSION = 466; //    u32, big-endian: in C
export const S_EPOCH = 488; //      u64, big-endian: Unix ms of session time 0, in C
export const SLOT_BYTES = 512;
export const VERSION = 1; // of the protocol, H's first byte
/** Fields of H in the slot; numbers in it are big-endian. */
export const H_VERSION = 0;
export const H_LINK = 1;
export const H_SUITES = 2;
export const H_NONCE = 3;
export const H_OUTBOX = 19;
export const H_LARGEST = 23;
export const H_KEY_ID = 25;
export const H_ID_BYTES = 26;
export const H_ID = 27;
/** Fields of C, which begins with version u8, suite u8, session u32; 32 bytes. */
export const C_WINDOW = 6; //       u16 ms
export const C_NONCE = 8;
export const C_TIME = 24; //        u64 Unix ms

// ---- States of a session ----
// In the order of a device's way, so that it asks "beyond HELLO?" by one comparison.
export const STATE_FREE = 0; //       no session; a device that was stopped
export const STATE_WAITING = 1; //    device: backoff
export const STATE_LINKING = 2; //    device: the host opens the link
export const STATE_FRESH = 3; //      gateway: waits for HELLO
export const STATE_KEY = 4; //        gateway: waits for the host's gw_key
export const STATE_CHALLENGED = 5; // gateway: waits for PROOF
export const STATE_ENDED = 6; //      gateway: the link is to be closed, then gw_free
export const STATE_HELLO = 7; //      device: HELLO sent
export const STATE_PROVED = 8; //     gateway: waits for the host's gw_accept; device: PROOF sent, waits for READY
export const STATE_ONLINE = 9;

// ---- The gateway's arena: `gw_arena()` gives its address ----
export const G_IN = 0; //           u32: address of the input window
export const G_IN_BYTES = 4; //     u32: its size
export const G_OUT_CAP = 8; //      u32: size of the output
export const G_SLOTS = 12; //       u32: address of slot 0
export const G_SLOT_COUNT = 16; //  u32: slots that exist
export const G_CONFIG = 64; //      settings read by gw_init, W_* offsets
export const G_KEY = 160; //        32 bytes: the key for gw_key; wiped
export const G_LAST_EPOCH = 192; // u64: newest epoch of the identity, for gw_key; live session's epoch, for gw_accept
export const G_RANDOM = 200; //     24 random bytes for gw_key: nonce 16, session 4, spare 4
export const G_ADDRESS = 224; //    16 bytes address ‖ u16 port (big-endian): the datagram's source
export const G_ACCEPT = 248; //     for gw_accept: u32 inLast, outOutbox, outLow, outSent, outNext
export const G_PATH = 268; //       u32: for gw_rx of a datagram: 0 where it came from the session's address, else a number above 2^31 for its source; gw_rx sets it to 0
export const GATEWAY_ARENA = 272;

/** The path's number of gw_probe has this bit, a size's has not. */
export const PROBE_PATH = 0x80000000;

// ---- Settings of the gateway, from G_CONFIG ----
export const W_SECRET = 0; //       32 random bytes
export const W_UNIX = 32; //        u64: Unix ms at the `now` of gw_init or gw_clock
export const W_WINDOW = 40; //      u16 ms
export const W_IDLE = 42; //        u16 s
export const W_LIFE = 44; //        u32 s, at most 2,000,000
export const W_SPREAD = 48; //      u16 s
export const W_LARGEST = 50; //     u16 bytes
export const W_SUITES = 52; //      u8: allowed without TLS
export const W_SUITES_TLS = 53; //  u8: allowed inside TLS

// ---- Records of gw_send in the input window: 12 bytes, then the body, padded to 4 ----
export const R_ID = 0; //           u32: message id, 0: none wanted
export const R_AGE = 4; //          u32: age in 1/16 s
export const R_BYTES = 8; //        u16: length of the body
export const R_TYPE = 10; //        u8: frame type
export const R_FLAGS = 11; //       u8: FLAG_REPEAT or 0
export const RECORD_BYTES = 12;

// ---- IoTSocket 1.1 (core-legacy, core-gateway): `iot_arena()` gives the address of its own arena ----
export const I_EVENT_COUNT = 0; //  u32: events in the list; the host sets it to 0 when it has read them
export const I_OUT_BYTES = 4; //    u32: bytes of the frame that iot_send or iot_tick wrote
export const I_OUT_FROM = 8; //     u32: its address
export const I_NOW = 16; //         u64: Unix time in units of 0.1 ms, written by the host before each call
export const I_IN = 24; //          u32: address of the input window
export const I_IN_BYTES = 28; //    u32: its size
export const I_BODY = 32; //        u32: where the host puts the body for iot_send
export const I_BODY_BYTES = 36; //  u32: the longest one that fits
export const I_EVENTS = 40; //      u32: address of the event list
export const I_SLOTS = 44; //       u32: address of slot 0
export const I_SLOT_BYTES = 48; //  u32: size of a slot
export const I_SLOT_COUNT = 52; //  u32: slots that exist
export const I_RATE = 56; //        u32: messages a device may send in 3 s, for iot_init; 0: 333
export const I_ID = 64; //          10 digits, for iot_device
export const I_KEY = 80; //         the key for iot_key and iot_device, at most IOT_KEY_BYTES; wiped
export const IOT_KEY_BYTES = 128;
export const IOT_ARENA = 208;

/** What iot_open is given: the role, and whether the link is TLS. */
export const IOT_GATEWAY = 0;
export const IOT_DEVICE = 1;
export const IOT_TLS = 2;

// Events of IoTSocket, in the form of the others
export const EV_IOT_LOGIN = 32; //   gateway: d: slot; b: length and c: address of the identity: give the key, call iot_key
export const EV_IOT_MESSAGE = 33; // a: 0; b: length and c: address of the payload; d, e: low and high half of TIME in 0.1 ms
export const EV_IOT_REFUSED = 34; // a: IOT_*; d: slot; e: signed ms off (stale and future). The link is to be closed without a byte

// Why a frame was refused
export const IOT_MALFORMED = 1; // no header part, no five headers, a line without exactly one colon
export const IOT_NO_TEXT = 2; //   not UTF-8
export const IOT_TOO_LONG = 3; //  frame, header part or payload
export const IOT_TOO_SHORT = 4; // payload of fewer than 5 characters
export const IOT_VERSION = 5; //   not 1.1
export const IOT_TIME = 6; //      TIME is no decimal number
export const IOT_STALE = 7;
export const IOT_FUTURE = 8;
export const IOT_REPLAY = 9;
export const IOT_RATE = 10; //     more than the rate
export const IOT_ID = 11; //       not ten digits, or another device
export const IOT_KEY = 12; //      another key, or none is known
export const IOT_LATE = 13; //     no first frame in time
export const IOT_IDLE = 14; //     nothing came for 90 s
export const IOT_REFUSED_COUNT = 15;

// ---- The observer: `ob_arena()` gives the address of what the last ob_split or ob_frame found; little-endian ----
export const OB_UNTIMED = 0x80; //  in the link given to ob_open: nothing tells when a frame came
export const O_TOTAL = 0; //        u32: bytes of the whole frame
export const O_TYPE = 4; //         u8: its first byte
export const O_BODY = 8; //         u32: address of the body in the input window, behind id and age
export const O_BYTES = 12; //       u32: its length
export const O_TIME = 16; //        u32: session time, ms; ob_split: its lower 24 bits
export const O_COUNTER = 20; //     u64
export const O_ID = 28; //          u32: message id, 0: none
export const O_AGE = 32; //         u32: its age in 1/16 s
export const O_OFF = 36; //         i32: observer's session clock - time, ms; 0 where nothing tells when it came
export const OBSERVER_ARENA = 40;

// ---- Discovery: the block of dc_arena ----
export const DISCOVERY_BYTES = 128; // of DISCOVER, and the most that an OFFER may have
export const DISCOVERY_LINKS = 8;
export const DISCOVERY_NAME_BYTES = 64;
export const D_FRAME = 0; //        the datagram that is read or was written
export const D_TOKEN = 128; //      8 bytes
export const D_COUNT = 136; //      u8: links
export const D_NAME_BYTES = 137; // u8
export const D_LINKS = 140; //      4 bytes a link: link bits u8, 0, port u16 (little-endian)
export const D_NAME = 172; //       64
