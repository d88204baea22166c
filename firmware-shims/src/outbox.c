#include "client.h"

#include <string.h>

/* Bytes of a record with its body: records are aligned to 4. */
static uint32_t length(uint32_t bytes) {
  return TL_OUTBOX_RECORD_BYTES + ((bytes + 3u) & ~3u);
}

static tl_queued_message *at(const tl_outbox *outbox, uint32_t offset) {
  return (tl_queued_message *)(void *)(outbox->memory + offset);
}

static uint32_t after(const tl_outbox *outbox, uint32_t offset) {
  return offset + length(at(outbox, offset)->bytes);
}

/* How many ids a record stands for: what was given up is joined to runs. */
static uint32_t ids(const tl_queued_message *message) {
  return message->flags & TL_QUEUED_GONE ? message->made : 1;
}

/* Joins what lies behind each other and is given up to one record without a body: a long outage must not fill the memory with it. */
static void compact(tl_outbox *outbox) {
  tl_queued_message *run = NULL;
  uint32_t to = 0;
  for (uint32_t i = outbox->head, next; i < outbox->tail; i = next) {
    tl_queued_message *message = at(outbox, i);
    bool gone = message->flags & TL_QUEUED_GONE;
    next = after(outbox, i);
    if (gone && run != NULL) {
      run->made += message->made;
      continue;
    }
    if (gone) message->bytes = 0;
    memmove(outbox->memory + to, message, gone ? TL_OUTBOX_RECORD_BYTES : next - i);
    run = gone ? at(outbox, to) : NULL;
    to += length(at(outbox, to)->bytes);
  }
  outbox->head = 0;
  outbox->tail = to;
}

static bool past(uint32_t then, uint32_t now) {
  return (int32_t)(then - now) <= 0;
}

void tl_outbox_init(tl_outbox *outbox, void *memory, uint32_t bytes) {
  outbox->memory = (uint8_t *)memory;
  outbox->room = bytes;
  outbox->low = 1;
  outbox->next = 2;
}

uint32_t tl_outbox_ready(const tl_outbox *outbox) {
  if (outbox->memory == NULL) return 1;
  return outbox->low == 1 ? 2 : outbox->next;
}

uint32_t tl_outbox_count(const tl_outbox *outbox) {
  uint32_t count = 0;
  for (uint32_t i = outbox->head; i < outbox->tail; i = after(outbox, i)) {
    if (!(at(outbox, i)->flags & TL_QUEUED_GONE)) count++;
  }
  return count;
}

static uint8_t *append(uint8_t *to, const void *from, uint32_t bytes) {
  if (bytes > 0) memcpy(to, from, bytes);
  return to + bytes;
}

tl_status tl_outbox_add(tl_outbox *outbox, const tl_new_message *from, uint32_t now) {
  uint32_t bytes;
  if (outbox->memory == NULL) return TL_E_STATE;
  if (from->lifetime > 0x7fffffff) return TL_E_ARGUMENT;
  if (from->bytes > 0xffff) return TL_E_TOO_LONG;
  bytes = from->head_bytes + from->name_bytes + from->bytes;
  if (bytes > 0xffff || length(bytes) > outbox->room) return TL_E_TOO_LONG;
  if (outbox->tail - outbox->head + length(bytes) > outbox->room) compact(outbox);
  if (outbox->tail - outbox->head + length(bytes) > outbox->room) return TL_E_OUTBOX_FULL;
  if (outbox->tail + length(bytes) > outbox->room) {
    memmove(outbox->memory, outbox->memory + outbox->head, outbox->tail - outbox->head);
    outbox->tail -= outbox->head;
    outbox->head = 0;
  }
  tl_queued_message *message = at(outbox, outbox->tail);
  uint8_t *to = (uint8_t *)(message + 1);
  message->ticket = ++outbox->ticket;
  message->made = now;
  message->deadline = now + from->lifetime;
  message->bytes = (uint16_t)bytes;
  message->flags = (uint8_t)((from->lifetime ? TL_QUEUED_DEADLINE : 0) | (from->again ? TL_QUEUED_AGAIN : 0) | (from->head_bytes ? TL_QUEUED_TOPIC : 0));
  message->spare = 0;
  to = append(to, from->head, from->head_bytes);
  to = append(to, from->name, from->name_bytes);
  (void)append(to, from->body, from->bytes);
  outbox->tail += length(bytes);
  outbox->next++;
  return TL_OK;
}

tl_queued_message *tl_outbox_find(const tl_outbox *outbox, uint32_t id) {
  uint32_t first = outbox->low > 2 ? outbox->low : 2;
  if (id < first || id >= outbox->next) return NULL;
  uint32_t i = outbox->head;
  for (uint32_t count; (count = ids(at(outbox, i))) <= id - first; first += count) i = after(outbox, i);
  return at(outbox, i)->flags & TL_QUEUED_GONE ? NULL : at(outbox, i);
}

void tl_outbox_end(tl_client *client, tl_queued_message *message, tl_result result) {
  tl_event event = {.kind = TL_EV_RESULT, .why = (uint8_t)result, .id = message->ticket};
  message->flags |= TL_QUEUED_GONE;
  message->made = 1;
  tl_tell(client, &event);
}

uint32_t tl_outbox_expire(tl_client *client, uint32_t now) {
  const tl_outbox *outbox = &client->outbox;
  uint32_t wait = 0x7fffffff;
  for (uint32_t i = outbox->head; i < outbox->tail; i = after(outbox, i)) {
    tl_queued_message *message = at(outbox, i);
    if ((message->flags & (TL_QUEUED_DEADLINE | TL_QUEUED_GONE)) != TL_QUEUED_DEADLINE) continue;
    if (past(message->deadline, now)) tl_outbox_end(client, message, message->flags & TL_QUEUED_SENT ? TL_IN_DOUBT : TL_EXPIRED);
    else if (message->deadline - now < wait) wait = message->deadline - now;
  }
  return wait;
}

void tl_outbox_acknowledged(tl_client *client, uint32_t id) {
  tl_outbox *outbox = &client->outbox;
  if (outbox->low == 1 && id >= 1) outbox->low = 2;
  while (outbox->low <= id && outbox->low < outbox->next) {
    tl_queued_message *message = at(outbox, outbox->head);
    uint32_t count = ids(message), next = after(outbox, outbox->head), taken = id - outbox->low + 1;
    if (taken < count) { /* a part of a run */
      message->made -= taken;
      outbox->low += taken;
      break;
    }
    if (!(message->flags & TL_QUEUED_GONE)) tl_outbox_end(client, message, TL_DELIVERED);
    outbox->low += count;
    outbox->head = next;
  }
  if (outbox->head == outbox->tail) outbox->head = outbox->tail = 0;
}

void tl_outbox_result(tl_client *client, uint32_t id, uint32_t status) {
  tl_outbox *outbox = &client->outbox;
  if (status == TL_ABI_ACK_BUSY) { /* neither this one nor one behind it was taken */
    for (; id < outbox->next; id++) {
      tl_queued_message *message = tl_outbox_find(outbox, id);
      if (message != NULL) message->flags &= (uint8_t)~TL_QUEUED_SENT;
    }
  } else if (status < TL_ABI_ACK_STALE) {
    if (id > 1) tl_outbox_acknowledged(client, id - 1);
    tl_queued_message *message = tl_outbox_find(outbox, id);
    if (message == NULL) return;
    tl_outbox_end(client, message,
                  status == TL_ABI_ACK_TOO_LONG    ? TL_RESULT_TOO_LONG
                  : status == TL_ABI_ACK_NO_TARGET ? TL_NO_TARGET
                                                   : TL_RESULT_REFUSED);
  }
}

void tl_outbox_renew(tl_client *client, uint32_t doubt) {
  tl_outbox *outbox = &client->outbox;
  uint32_t id = outbox->low > 2 ? outbox->low : 2, to = 0, kept = 2;
  for (uint32_t i = outbox->head, next, count; i < outbox->tail; i = next, id += count) {
    tl_queued_message *message = at(outbox, i);
    next = after(outbox, i);
    count = ids(message);
    if (message->flags & TL_QUEUED_GONE) continue;
    if (id <= doubt) {
      if (!(message->flags & TL_QUEUED_AGAIN)) {
        tl_outbox_end(client, message, TL_IN_DOUBT);
        continue;
      }
      message->flags |= TL_QUEUED_REPEAT;
    }
    message->flags &= (uint8_t)~TL_QUEUED_SENT;
    memmove(outbox->memory + to, message, next - i);
    to += next - i;
    kept++;
  }
  outbox->head = 0;
  outbox->tail = to;
  outbox->low = 1;
  outbox->next = kept;
}
