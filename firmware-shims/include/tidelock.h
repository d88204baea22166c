/*
 * Tidelock/1 for firmware: a device client that owns no socket, no clock and no heap. The caller moves bytes and tells the time;
 * keep-alive, backoff, the order of messages and their repeats are the core's. docs/firmware.md has a complete example.
 *
 * Single-threaded: one client is used by one task, and never from an interrupt. `now` is always a monotonic clock in whole
 * milliseconds, modulo 2^32, that runs through sleep (or tl_clock_lost says that it did not). Events are told by a callback from
 * inside the call that caused them; a call of the same client from within the callback returns TL_E_REENTRANT and does nothing.
 * C99 and C++, no malloc, no float.
 */
#ifndef TIDELOCK_H
#define TIDELOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tidelock_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Which core and which engine: chosen at build time, the same for every file of one firmware ---- */
#define TL_CORE_DEVICE 1 /* core-device: streams and datagrams, three suites, messages in parts */
#define TL_CORE_SMALL 2  /* core-device-small: streams and the sealed suite only */
#define TL_CORE_HAL 3    /* core-device-hal: as core-device without parts; SHA-256 and ChaCha20 blocks are native (src/hal.h) */
#ifndef TL_CORE
#define TL_CORE TL_CORE_DEVICE
#endif

/* Linear memory of the core, bytes. */
#if TL_CORE == TL_CORE_SMALL
#define TL_CORE_MEMORY TL_ABI_MEMORY_DEVICE_SMALL
#elif TL_CORE == TL_CORE_HAL
#define TL_CORE_MEMORY TL_ABI_MEMORY_DEVICE_HAL
#else
#define TL_CORE_MEMORY TL_ABI_MEMORY_DEVICE
#endif

/* What the engine needs of tl_config.memory, bytes; an engine of your own defines it on the compiler's command line. */
#ifndef TL_ENGINE_BYTES
#ifdef TL_ENGINE_WAMR
#define TL_ENGINE_BYTES 256 /* handles; the linear memory lies in the pool of tl_engine_options */
#else
#define TL_ENGINE_BYTES (TL_CORE_MEMORY + 32)
#endif
#endif

/* What the client itself needs of tl_config.memory, bytes. */
#define TL_CLIENT_BYTES (sizeof(void *) == 4 ? 176 : 240)
/* The size for static allocation: uint64_t memory[TL_MEMORY_BYTES / 8]. */
#define TL_MEMORY_BYTES ((TL_CLIENT_BYTES + TL_ENGINE_BYTES + 7) / 8 * 8)
/* What a queued message takes of tl_config.outbox besides its body, which is rounded up to a multiple of 4. */
#define TL_OUTBOX_RECORD_BYTES 16

/* ---- Statuses. Negative: nothing was done. The first ones are the core's own (docs/abi.md). ---- */
typedef enum tl_status {
  TL_OK = TL_ABI_OK,
  TL_MORE = TL_ABI_MORE,               /* not all was taken: take the output, call again with the rest */
  TL_E_STATE = TL_ABI_E_STATE,         /* not allowed in this state, e.g. tl_post without a session */
  TL_E_ARGUMENT = TL_ABI_E_ARGUMENT,   /* a value is out of range: a fault of the caller */
  TL_E_ROOM = TL_ABI_E_ROOM,           /* the output is full: take it, call again */
  TL_E_EVENTS = TL_ABI_E_EVENTS,       /* the core's events are unread: cannot happen through this API */
  TL_E_ENTROPY = TL_ABI_E_ENTROPY,     /* the random callback failed or gave zeros: no session without randomness */
  TL_E_TOO_LONG = TL_ABI_E_TOO_LONG,   /* the body is longer than the gateway, the buffers or the outbox take */
  TL_E_ORDER = TL_ABI_E_ORDER,         /* not the id that comes next: cannot happen through this API */
  TL_E_SLOTS = TL_ABI_E_SLOTS,         /* no free slot (cores of the gateway only) */
  TL_E_REFUSED = TL_ABI_E_REFUSED,     /* an old proof (cores of the gateway only) */
  TL_E_TOO_SHORT = TL_ABI_E_TOO_SHORT, /* IoTSocket: fewer characters than the receiver takes */
  TL_E_TEXT = TL_ABI_E_TEXT,           /* IoTSocket: not UTF-8 */
  TL_E_DELIMITER = TL_ABI_E_DELIMITER, /* IoTSocket: the delimiter would stand inside the body */
  TL_E_PARTIAL = TL_ABI_E_PARTIAL,     /* the observer: the frame has not come whole (cores of the gateway only) */
  TL_E_TARGET = TL_ABI_E_TARGET,       /* a topic's name breaks the rule of docs/protocol.md: told by TL_EV_RESULT as TL_BAD_TOPIC */
  /* this API's own */
  TL_E_REENTRANT = -32,  /* called from within a callback of the same client */
  TL_E_MEMORY = -33,     /* memory missing, too small, or not aligned to 8 bytes */
  TL_E_VERSION = -34,    /* tl_config of another release, or a core of another ABI version */
  TL_E_TRAP = -35,       /* the core trapped: close the client, open it anew */
  TL_E_ENGINE = -36,     /* the engine could not load or run the core */
  TL_E_OUTBOX_FULL = -37 /* no room for this message in tl_config.outbox now */
} tl_status;

/* ---- Links and suites, as bits ---- */
#define TL_LINK_STREAM 0
#define TL_LINK_DATAGRAM TL_ABI_LINK_DATAGRAM
#define TL_LINK_TLS TL_ABI_LINK_TLS
#define TL_SUITE_SEALED TL_ABI_SUITE_SEALED
#define TL_SUITE_SIGNED TL_ABI_SUITE_SIGNED
#define TL_SUITE_SIGNED_8 TL_ABI_SUITE_SIGNED_8

/* ---- Events ---- */
typedef enum tl_event_kind {
  TL_EV_CONNECT = TL_ABI_EV_CONNECT,       /* open the link, then tl_connected; or tl_disconnected where it cannot be opened */
  TL_EV_DISCONNECT = TL_ABI_EV_DISCONNECT, /* send what tl_output has, close the link. why: TL_DOWN_*, detail: refusal or CLOSE reason, ms: until the next try */
  TL_EV_ONLINE = TL_ABI_EV_ONLINE,         /* a session stands. why: suite, id: session's number */
  TL_EV_MESSAGE = TL_ABI_EV_MESSAGE,       /* body, bytes; id: number or 0 where no acknowledgement is wanted; ms: session time when it was taken; repeat */
  TL_EV_RESULT = TL_ABI_EV_RESULT,         /* what became of a queued message. id: its ticket, why: tl_result */
  TL_EV_REFUSED = TL_ABI_EV_REFUSED,       /* a frame was refused. why: TL_ABI_REFUSED_*, detail: its type byte, id: message or 0, ms: off */
  TL_EV_CLOSED = TL_ABI_EV_CLOSED,         /* the gateway closes. why: TL_ABI_CLOSE_*, detail: retry after, s */
  TL_EV_CLOCK = TL_ABI_EV_CLOCK            /* the session clock was set. ms: correction */
} tl_event_kind;

/* What becomes of a queued message; each ends once. */
typedef enum tl_result {
  TL_DELIVERED = 0,       /* acknowledged: the gateway has it */
  TL_RESULT_REFUSED = 1,  /* the gateway's application refused it */
  TL_RESULT_TOO_LONG = 2, /* longer than the gateway takes */
  TL_NO_TARGET = 3,       /* there is nobody it could go to */
  TL_EXPIRED = 4,         /* its lifetime is over, and it was never sent */
  TL_IN_DOUBT = 5,        /* it was sent, and nothing will tell whether it was taken */
  TL_BAD_TOPIC = 6        /* the name of its topic breaks the rule, or is too long for a datagram */
} tl_result;

/* What the callback returns for a TL_EV_MESSAGE whose id is not 0; for every other event its value is ignored. */
typedef enum tl_verdict {
  TL_TAKE = TL_ABI_ACK_OK,           /* acted on: acknowledge */
  TL_REFUSE = TL_ABI_ACK_REFUSED,    /* never: its sender is told */
  TL_NOBODY = TL_ABI_ACK_NO_TARGET,  /* no such target here: its sender is told */
  TL_AGAIN = TL_ABI_ACK_BUSY         /* not now: it comes again, after a second and more */
} tl_verdict;

typedef struct tl_event {
  tl_event_kind kind;
  uint8_t why;
  bool repeat;         /* MESSAGE: it may have been acted on before */
  uint16_t detail;
  uint32_t id;
  int32_t ms;
  const uint8_t *body; /* MESSAGE: valid during the callback */
  uint32_t bytes;
  const char *topic;   /* MESSAGE: UTF-8 without a zero byte at its end, valid during the callback; NULL: under no topic */
  uint8_t topic_bytes;
  uint8_t trust;       /* MESSAGE under a topic: how its sender was known to the gateway, TL_ABI_TRUST_* */
} tl_event;

/* What an interpreter needs; NULL with wasm2c. All of it stays the caller's and must outlive the client. */
typedef struct tl_engine_options {
  const uint8_t *wasm; /* the core's .wasm file */
  uint32_t wasm_bytes;
  void *pool;          /* memory for the interpreter */
  uint32_t pool_bytes;
  uint32_t stack_bytes; /* stack of the WASM code; 0: the engine's default */
} tl_engine_options;

/* Set all of it to zero, then size and what is needed: zero is every field's default where it says so. */
typedef struct tl_config {
  uint32_t size;            /* sizeof(tl_config) */
  void *memory;             /* TL_MEMORY_BYTES, aligned to 8; the client lives in it until tl_close */
  uint32_t memory_bytes;
  void *outbox;             /* bodies of queued messages, aligned to 4; NULL: tl_send is refused */
  uint32_t outbox_bytes;
  void *parts;              /* a message that comes in parts is put together here; NULL: none is taken */
  uint32_t parts_bytes;
  const uint8_t *key;       /* 32 bytes, copied: the caller wipes its own */
  const char *identity;     /* 1 to 64 bytes of UTF-8, copied */
  uint8_t identity_bytes;   /* 0: up to its zero byte */
  uint8_t key_id;
  uint8_t link;             /* TL_LINK_* of the first link */
  uint8_t suites;           /* TL_SUITE_*; 0: all that the core has */
  uint16_t largest;         /* longest body taken; 0: 512, the core's buffer */
  uint16_t datagram_bytes;  /* longest datagram that the path takes; 0: 1,200 */
  uint32_t round_trip_ms;   /* longest round trip of a handshake; 0: the gateway's window */
  uint32_t drift_ms;        /* time after which the clock may be 500 ms off; 0: 2.7 h, a crystal of 50 ppm */
  const tl_engine_options *engine;
  void *user;               /* handed to every callback */
  /* Fills all bytes from a true random source, or returns false: then the call that wanted them returns TL_E_ENTROPY. */
  bool (*random)(void *user, uint8_t *out, uint32_t bytes);
  /* Tells an event; must not call this client. */
  tl_verdict (*event)(void *user, const tl_event *event);
  /* Reads the 8 bytes that store wrote last; false: there are none. NULL: after a restart commands under way are in doubt at the gateway. */
  bool (*load_record)(void *user, uint8_t record[8]);
  /* Keeps 8 bytes, before the acknowledgement of a message; false: the message comes again. NULL: nothing is kept. */
  bool (*store_record)(void *user, const uint8_t record[8]);
} tl_config;

typedef struct tl_client tl_client;

/* Returns the bytes that tl_config.memory must have in this build; TL_MEMORY_BYTES is the same at compile time. */
uint32_t tl_memory_bytes(void);
/* Makes a client in config->memory; *client is it, or NULL. Copies the config but not the memories it points to. */
tl_status tl_open(tl_client **client, const tl_config *config, uint32_t now);
/* Wipes keys, session and queue from all its memory; the client is gone. NULL is allowed. Sends nothing: tl_stop does. */
void tl_close(tl_client *client);
/* Begins: TL_EV_CONNECT follows from inside. After tl_stop it begins anew. */
tl_status tl_start(tl_client *client, uint32_t now);
/* Ends the session: CLOSE goes to the output, TL_EV_DISCONNECT follows, and nothing is tried before tl_start. Queued messages stay. */
tl_status tl_stop(tl_client *client, uint32_t now);
/* The next link is of this kind (TL_LINK_*) with these suites (0: as before); before tl_connected. */
tl_status tl_set_link(tl_client *client, uint8_t link, uint8_t suites);
/* The link that TL_EV_CONNECT asked for is up: HELLO goes to the output. TL_E_ENTROPY: no randomness yet, call again. */
tl_status tl_connected(tl_client *client, uint32_t now);
/* The link is gone, or could not be opened; after a wait TL_EV_CONNECT follows. Harmless where nothing was open. */
tl_status tl_disconnected(tl_client *client, uint32_t now);
/* Received bytes, on a datagram link one datagram; *taken (may be NULL) says how many were used. TL_MORE: take the output, then give the
 * rest. Without bytes it goes on with what waited for room in the output, as tl_poll does, and does nothing else. */
tl_status tl_receive(tl_client *client, const uint8_t *bytes, uint32_t count, uint32_t *taken, uint32_t now);
/* Does what is due; returns the ms until it wants to be called again (sooner calls are harmless), or a negative tl_status. */
int32_t tl_poll(tl_client *client, uint32_t now);
/* Bytes that wait for the link, on a datagram link the next datagram, and how many; valid until the next call. NULL: none. */
const uint8_t *tl_output(tl_client *client, uint32_t *count);
/* The link took so many of them; a datagram is dropped whole, whatever count says. */
tl_status tl_output_taken(tl_client *client, uint32_t count);
/* Sends a body once, without acknowledgement: TL_E_STATE without a session, TL_E_ROOM while the output is full. */
tl_status tl_post(tl_client *client, const uint8_t *body, uint32_t count, uint32_t now);
/* Queues a body until it is acknowledged; *ticket (may be NULL) is TL_EV_RESULT's id. lifetime_ms 0: no end. `repeat`: where the gateway
 * has lost its record, send it again marked as a repeat instead of ending it TL_IN_DOUBT. */
tl_status tl_send(tl_client *client, const uint8_t *body, uint32_t count, uint32_t lifetime_ms, bool repeat, uint32_t *ticket, uint32_t now);
/* Queues a body under a topic, 1 to 255 bytes of UTF-8 (topic_bytes 0: up to its zero byte); keep_s: how long the gateway keeps it for
 * those who are not there, 0: without end. TL_E_ARGUMENT with core-device-small, which has no topics. Else as tl_send. */
tl_status tl_publish(tl_client *client, const char *topic, uint8_t topic_bytes, uint16_t keep_s, const uint8_t *body, uint32_t count,
                     uint32_t lifetime_ms, bool repeat, uint32_t *ticket, uint32_t now);
/* Messages that are queued and not ended. */
uint32_t tl_queued(const tl_client *client);
/* The clock did not run through a sleep: nothing but a PING is handled until it is set again. */
tl_status tl_clock_lost(tl_client *client, uint32_t now);
/* The longest datagram that the path takes, bytes; other paths, other lengths. */
tl_status tl_set_datagram_bytes(tl_client *client, uint16_t bytes);
/* True while a session stands. */
bool tl_is_online(const tl_client *client);
/* Unix time in ms as the gateway's clock told it: TL_E_STATE before the first session. */
tl_status tl_unix_ms(const tl_client *client, uint32_t now, uint64_t *ms);
/* How often frames were refused for this reason, TL_ABI_REFUSED_*. */
uint32_t tl_refused(const tl_client *client, uint32_t reason);
/* A status in words, for logs; in a file of its own, so that it costs nothing where it is not used. */
const char *tl_status_text(tl_status status);

#ifdef __cplusplus
}
#endif
#endif
