/* What the client's own files share; nothing here is for its users. */
#ifndef TIDELOCK_CLIENT_H
#define TIDELOCK_CLIENT_H

#include "engine.h"
#include "outbox.h"

/* Exports of the core that the client calls. */
enum { TL_FN_INIT, TL_FN_CONNECTED, TL_FN_DOWN, TL_FN_RX, TL_FN_SEND, TL_FN_ANSWER, TL_FN_POLL, TL_FN_COUNT };

struct tl_client {
  tl_engine *engine;
  uint8_t *memory; /* the core's linear memory */
  uint32_t memory_bytes;
  uint8_t *arena; /* A_* offsets */
  void *user;
  bool (*random)(void *user, uint8_t *out, uint32_t bytes);
  tl_verdict (*event)(void *user, const tl_event *event);
  bool (*store_record)(void *user, const uint8_t record[8]);
  uint8_t *parts;
  uint32_t parts_room;
  uint32_t parts_id;    /* message that is being put together; 0: none */
  uint32_t parts_bytes; /* its length */
  uint32_t ok_up_to;    /* verdict ok that the core does not know yet; 0: none */
  uint32_t verdict_id;  /* another verdict that it does not know yet; 0: none */
  uint32_t want;        /* first id that the core asked for and has not got */
  uint32_t want_count;
  uint32_t renew; /* last id in doubt, while a new outbox must be begun */
  uint32_t told;  /* the core knows ids below this */
  tl_outbox outbox;
  uint8_t function[TL_FN_COUNT];
  uint8_t verdict;
  bool must_renew : 1;
  bool busy : 1; /* inside a call */
  bool trapped : 1;
  bool started : 1;
  bool online : 1;
  bool was_online : 1;
  bool rx_waits : 1; /* received bytes wait in the core until output is taken */
};

/* ---- core.c: the core's memory and its calls ---- */
uint32_t tl_get32(const uint8_t *p);
void tl_put32(uint8_t *p, uint32_t value);
void tl_put16(uint8_t *p, uint16_t value);
uint32_t tl_get32_be(const uint8_t *p);
void tl_put32_be(uint8_t *p, uint32_t value);
uint8_t *tl_slot(const tl_client *client);
/* H, which ends where C begins. */
uint8_t *tl_hello(const tl_client *client);
bool tl_is_datagram(const tl_client *client);
/* Calls an export; the core's status or result, or TL_E_TRAP. */
int32_t tl_call(tl_client *client, int function, const uint32_t *arguments, uint32_t count);
int32_t tl_call1(tl_client *client, int function, uint32_t first);
int32_t tl_call2(tl_client *client, int function, uint32_t first, uint32_t second);
/* Puts the body behind the output and has it framed. */
int32_t tl_frame(tl_client *client, uint32_t type, const uint8_t *body, uint32_t bytes, uint32_t id, uint32_t age, uint32_t now);
/* A pointer into the core's memory; NULL where it lies outside. */
const uint8_t *tl_inside(const tl_client *client, uint32_t at, uint32_t bytes);
void tl_wipe(void *memory, size_t bytes);

/* ---- events.c ---- */
/* Tells the events of the last call and does what they ask for, until nothing is left to do or the output is full. */
void tl_settle(tl_client *client, uint32_t now);
/* True where something waits for room in the output, or for randomness. */
bool tl_waits(const tl_client *client);
void tl_tell(const tl_client *client, const tl_event *event);

#endif
