/*
 * Queued messages in memory that the caller gave: the bodies behind the ids that the core keeps. Records lie one behind the other,
 * oldest first, and their ids follow each other; what is given up stays as a SKIP until the ids before and its own are acknowledged.
 *
 * Number 1 of every outbox is a SKIP, and nothing else goes before it is acknowledged: a receiver without a record takes number 1
 * whatever it is, so one that lost its record before its ACK would act twice on a message under it.
 */
#ifndef TIDELOCK_OUTBOX_H
#define TIDELOCK_OUTBOX_H

#include "tidelock.h"

typedef struct tl_outbox {
  uint8_t *memory; /* NULL: nothing is queued */
  uint32_t room;
  uint32_t head, tail; /* offsets: records lie between */
  uint32_t low;        /* lowest id not acknowledged */
  uint32_t next;       /* the next id to be given; records have the ids from max(low, 2) on */
  uint32_t ticket;     /* the last one given */
} tl_outbox;

typedef struct tl_queued_message {
  uint32_t ticket;
  uint32_t made; /* now; once it is given up: how many ids the record stands for */
  uint32_t deadline;
  uint16_t bytes;
  uint8_t flags; /* TL_QUEUED_* */
  uint8_t spare;
} tl_queued_message;

#define TL_QUEUED_SENT 1     /* framed, and not known to be untaken */
#define TL_QUEUED_REPEAT 2   /* may have been acted on before */
#define TL_QUEUED_DEADLINE 4
#define TL_QUEUED_AGAIN 8    /* where it is in doubt it goes again */
#define TL_QUEUED_TOPIC 32   /* its body begins with the head of a ROUTE */
#define TL_QUEUED_GONE 16    /* ended: SKIP goes in its place */

void tl_outbox_init(tl_outbox *outbox, void *memory, uint32_t bytes);
/* Ids below this may be sent. */
uint32_t tl_outbox_ready(const tl_outbox *outbox);
uint32_t tl_outbox_count(const tl_outbox *outbox);
/* A message to be added; `head`, where there is one, goes before the body. */
typedef struct tl_new_message {
  const uint8_t *head;
  uint32_t head_bytes;
  const char *name; /* behind the head */
  uint32_t name_bytes;
  const uint8_t *body;
  uint32_t bytes;
  uint32_t lifetime;
  bool again;
} tl_new_message;
tl_status tl_outbox_add(tl_outbox *outbox, const tl_new_message *from, uint32_t now);
/* The record of an id, its body behind it; NULL: none, SKIP goes. */
tl_queued_message *tl_outbox_find(const tl_outbox *outbox, uint32_t id);
/* The time until the first deadline; ends what is over by tl_end. */
uint32_t tl_outbox_expire(tl_client *client, uint32_t now);
/* The peer has taken every id up to this one. */
void tl_outbox_acknowledged(tl_client *client, uint32_t id);
/* EV_RESULT with another status than ok. */
void tl_outbox_result(tl_client *client, uint32_t id, uint32_t status);
/* The peer lost its record: ids up to `doubt` end in doubt or go again; what stays gets new ids. */
void tl_outbox_renew(tl_client *client, uint32_t doubt);
/* Tells what became of a message, and leaves a SKIP. */
void tl_outbox_end(tl_client *client, tl_queued_message *message, tl_result result);

#endif
