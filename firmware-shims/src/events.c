/* What the core tells, on its way to the application, and what it asks of its host. */
#include "client.h"

#include <string.h>

/* Unit of a message's age on the wire: 1/16 s. */
static uint32_t age_of(const tl_queued_message *message, uint32_t now) {
  uint32_t ms = now - message->made;
  return ms / 125 * 2 + (ms % 125 * 2) / 125;
}

void tl_tell(const tl_client *client, const tl_event *event) {
  (void)client->event(client->user, event);
}

/* A part, copied to its place. Where there is no memory for it the core forgets it, and its sender repeats it. */
static void part(tl_client *client, uint32_t id, uint32_t from, uint32_t bytes, uint32_t place) {
  uint32_t offset = place & 0xffff, total = place >> 16;
  const uint8_t *source = tl_inside(client, from, bytes);
  if (bytes == 0 || source == NULL || total > client->parts_room || offset > total || bytes > total - offset) {
    client->parts_id = 0;
    if (bytes != 0) tl_put32(tl_slot(client) + TL_ABI_S_PART_FORM, 0);
    return;
  }
  client->parts_id = id;
  client->parts_bytes = total;
  memcpy(client->parts + offset, source, bytes);
}

static bool keep(tl_client *client, uint32_t id) {
  uint8_t record[8];
  if (client->store_record == NULL) return true;
  memcpy(record, tl_slot(client) + TL_ABI_S_IN_OUTBOX, 4); /* big-endian in the slot as well */
  tl_put32_be(record + 4, id);
  return client->store_record(client->user, record);
}

/* The head of a DELIVER, which the core has judged: here is only looked that it lies inside. */
static void read_topic(tl_event *event) {
  const uint8_t *p = event->body;
  uint32_t head = event->bytes > TL_ABI_DELIVER_NAME ? TL_ABI_DELIVER_NAME + (uint32_t)p[TL_ABI_DELIVER_NAME_BYTES] + 1 : 1;
  if (event->bytes < head) return;
  event->topic = (const char *)p + TL_ABI_DELIVER_NAME;
  event->topic_bytes = p[TL_ABI_DELIVER_NAME_BYTES];
  event->trust = p[head - 1];
  event->body += head;
  event->bytes -= head;
}

/* One that wants an acknowledgement is judged; after another verdict than TL_TAKE those behind it come again. */
static void message(tl_client *client, uint32_t type, uint32_t from, uint32_t bytes, uint32_t id, uint32_t ms) {
  tl_verdict verdict = TL_TAKE;
  const uint8_t *body = from != 0 ? tl_inside(client, from, bytes) : client->parts_id == id && client->parts_bytes == bytes ? client->parts : NULL;
  if (from == 0) client->parts_id = 0;
  if (id != 0 && client->verdict_id != 0) return;
  if (body == NULL) {
    verdict = TL_AGAIN; /* its parts were not kept */
  } else if ((type & TL_ABI_TYPE_MASK) != TL_ABI_SKIP) {
    tl_event event = {.kind = TL_EV_MESSAGE, .repeat = (type & TL_ABI_FLAG_REPEAT) != 0, .id = id, .ms = (int32_t)ms, .body = body, .bytes = bytes};
    if ((type & TL_ABI_TYPE_MASK) == TL_ABI_DELIVER) read_topic(&event);
    verdict = client->event(client->user, &event);
  }
  if (id == 0) return;
  if (verdict == TL_TAKE && !keep(client, id)) verdict = TL_AGAIN;
  if (verdict == TL_TAKE) {
    client->ok_up_to = id;
    return;
  }
  client->verdict_id = id;
  client->verdict = (uint8_t)(verdict == TL_REFUSE || verdict == TL_NOBODY ? verdict : TL_AGAIN);
}

/* The core asks for ids: for more, or, where it has gone back, for these in place of what it asked before. */
static void want(tl_client *client, uint32_t first, uint32_t count) {
  if (client->want_count > 0 && first == client->want + client->want_count) {
    client->want_count += count;
  } else {
    client->want = first;
    client->want_count = count;
  }
}

static void tell(tl_client *client, const uint8_t *record) {
  uint32_t c = tl_get32(record + 4), d = tl_get32(record + 8), e = tl_get32(record + 12);
  uint8_t kind = record[0], a = record[1];
  uint16_t b = (uint16_t)(record[2] | record[3] << 8);
  tl_event event = {.kind = (tl_event_kind)kind, .why = a, .detail = b};
  switch (kind) {
    case TL_ABI_EV_MESSAGE:
      message(client, a, c, b, d, e);
      return;
    case TL_ABI_EV_FRAGMENT:
      part(client, d, c, b, e);
      return;
    case TL_ABI_EV_SEND:
      want(client, d, a);
      return;
    case TL_ABI_EV_RESULT:
      if (a == TL_ABI_ACK_OK) tl_outbox_acknowledged(client, d);
      else tl_outbox_result(client, d, a);
      return;
    case TL_ABI_EV_OUTBOX:
      client->must_renew = true;
      client->renew = d;
      return;
    case TL_ABI_EV_DISCONNECT:
      client->online = false;
      client->want_count = 0;
      client->parts_id = 0;
      event.ms = (int32_t)d;
      break;
    case TL_ABI_EV_ONLINE:
      client->online = client->was_online = true;
      if (b != 0) client->ok_up_to = client->verdict_id = 0; /* verdicts were on the gateway's earlier outbox */
      event.id = d;
      break;
    case TL_ABI_EV_CLOCK:
      event.ms = (int32_t)d;
      break;
    case TL_ABI_EV_REFUSED:
      event.id = d;
      event.ms = (int32_t)e;
      break;
    case TL_ABI_EV_CONNECT:
    case TL_ABI_EV_CLOSED:
      break;
    default: /* of a later version: nothing that a host must act on comes without a new ABI version */
      return;
  }
  tl_tell(client, &event);
}

/* The core's own list is read while no call of it runs, so it does not change meanwhile. */
static bool tell_all(tl_client *client) {
  uint32_t count = tl_get32(client->arena + TL_ABI_A_EVENT_COUNT), from = tl_get32(client->arena + TL_ABI_A_EVENTS);
  if (client->trapped || count == 0) return false;
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *record = tl_inside(client, from + i * TL_ABI_EVENT_BYTES, TL_ABI_EVENT_BYTES);
    if (record != NULL) tell(client, record);
  }
  tl_put32(client->arena + TL_ABI_A_EVENT_COUNT, 0);
  return true;
}

/* Tells the core a verdict; true: it knows it, or does not want it any more. */
static bool answer(tl_client *client, uint32_t id, uint32_t status, uint32_t now) {
  const uint32_t arguments[3] = {id, status, now};
  int32_t result = tl_call(client, TL_FN_ANSWER, arguments, 3);
  return result != TL_ABI_E_ROOM && result != TL_ABI_E_EVENTS;
}

static void verdicts(tl_client *client, uint32_t now) {
  if (client->ok_up_to != 0) {
    if (!answer(client, client->ok_up_to, TL_ABI_ACK_OK, now)) return;
    client->ok_up_to = 0;
  }
  if (client->verdict_id != 0 && answer(client, client->verdict_id, client->verdict, now)) client->verdict_id = 0;
}

/* The peer lost its record: a new outbox under a new number, told by a new handshake. */
static void renew(tl_client *client, uint32_t now) {
  uint8_t number[4] = {0, 0, 0, 0};
  uint8_t *slot = tl_slot(client);
  if (!client->random(client->user, number, 4) || tl_get32(number) == 0) return; /* tried again by tl_poll */
  client->must_renew = false;
  tl_outbox_renew(client, client->renew);
  client->want_count = 0;
  client->told = tl_outbox_ready(&client->outbox);
  memcpy(tl_hello(client) + TL_ABI_H_OUTBOX, number, 4);
  tl_put32(slot + TL_ABI_S_LOW, 1);
  tl_put32(slot + TL_ABI_S_SENT, 0);
  tl_put32(slot + TL_ABI_S_NEXT, client->told);
  (void)tl_call2(client, TL_FN_DOWN, TL_ABI_DOWN_OUTBOX, now);
}

/* Hands over bodies that the core asked for, as far as the output has room. */
static void hand_over(tl_client *client, uint32_t now) {
  while (client->want_count > 0) {
    uint32_t id = client->want;
    tl_queued_message *m = tl_outbox_find(&client->outbox, id);
    uint32_t type = m == NULL ? TL_ABI_SKIP : m->flags & TL_QUEUED_TOPIC ? TL_ABI_ROUTE : TL_ABI_DATA;
    if (m != NULL && (m->flags & TL_QUEUED_REPEAT)) type |= TL_ABI_FLAG_REPEAT;
    int32_t status = m == NULL ? tl_frame(client, type, NULL, 0, id, 0, now) : tl_frame(client, type, (const uint8_t *)(m + 1), m->bytes, id, age_of(m, now), now);
    if (status == TL_ABI_OK) {
      if (m != NULL) m->flags |= TL_QUEUED_SENT;
      client->want++;
      client->want_count--;
    } else if (status == TL_ABI_E_ROOM || status == TL_ABI_E_EVENTS) {
      return;
    } else if (status == TL_ABI_E_TOO_LONG && m != NULL) {
      tl_outbox_end(client, m, TL_RESULT_TOO_LONG);
    } else if (status == TL_ABI_E_TARGET && m != NULL) {
      tl_outbox_end(client, m, TL_BAD_TOPIC);
    } else {
      client->want_count = 0; /* the core has gone back, or waits: it asks again */
    }
  }
}

void tl_settle(tl_client *client, uint32_t now) {
  do {
    while (tell_all(client)) verdicts(client, now);
    verdicts(client, now);
    if (client->must_renew) renew(client, now);
    uint32_t ready = tl_outbox_ready(&client->outbox);
    if (client->told != ready) {
      client->told = ready;
      tl_put32(tl_slot(client) + TL_ABI_S_NEXT, ready);
      (void)tl_call1(client, TL_FN_POLL, now);
      while (tell_all(client)) verdicts(client, now); /* it asks for the new ones */
    }
    hand_over(client, now);
  } while (!client->trapped && tl_get32(client->arena + TL_ABI_A_EVENT_COUNT) != 0);
}

bool tl_waits(const tl_client *client) {
  return client->ok_up_to != 0 || client->verdict_id != 0 || client->must_renew || client->want_count != 0 || client->rx_waits;
}
