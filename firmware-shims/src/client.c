/* The API of tidelock.h: checks, the rule that callbacks do not call, and which call of the core each becomes. */
#include "client.h"

#include <string.h>

#define CLIENT_BYTES ((sizeof(tl_client) + 7) / 8 * 8)
/* What tidelock.h promises at compile time holds. */
typedef char tl_client_fits[CLIENT_BYTES <= TL_CLIENT_BYTES && sizeof(tl_queued_message) == TL_OUTBOX_RECORD_BYTES ? 1 : -1];

static const char *const NAMES[TL_FN_COUNT] = {"init", "connected", "down", "rx", "send", "answer", "poll"};
/* 50 ppm are a quarter of the default window, 500 ms, after 2.7 h. */
#define CRYSTAL_DRIFT_MS 9720000

static tl_status enter(tl_client *client) {
  if (client == NULL) return TL_E_ARGUMENT;
  if (client->busy) return TL_E_REENTRANT;
  if (client->trapped) return TL_E_TRAP;
  client->busy = true;
  return TL_OK;
}

static tl_status leave(tl_client *client, int32_t status) {
  client->busy = false;
  return client->trapped ? TL_E_TRAP : (tl_status)status;
}

uint32_t tl_memory_bytes(void) {
  return (uint32_t)CLIENT_BYTES + tl_engine_bytes();
}

/* Finds the core's exports and where its memory lies. */
static tl_status load(tl_client *client) {
  const uint32_t none[1] = {0};
  uint32_t result = 0;
  int version = tl_engine_export(client->engine, "abi_version"), arena = tl_engine_export(client->engine, "arena");
  if (version < 0 || arena < 0) return TL_E_ENGINE;
  for (int i = 0; i < TL_FN_COUNT; i++) {
    int function = tl_engine_export(client->engine, NAMES[i]);
    if (function < 0 || function > 0xff) return TL_E_ENGINE;
    client->function[i] = (uint8_t)function;
  }
  if (tl_engine_call(client->engine, version, none, 0, &result) != TL_OK) return TL_E_ENGINE;
  if (result != TL_ABI_ABI_VERSION) return TL_E_VERSION;
  if (tl_engine_call(client->engine, arena, none, 0, &result) != TL_OK) return TL_E_ENGINE;
  client->memory = tl_engine_memory(client->engine, &client->memory_bytes);
  if (client->memory == NULL || tl_inside(client, result, TL_ABI_ARENA_FIXED) == NULL) return TL_E_ENGINE;
  client->arena = client->memory + result;
  return tl_inside(client, tl_get32(client->arena + TL_ABI_A_OUT), tl_get32(client->arena + TL_ABI_A_OUT_CAP)) == NULL ? TL_E_ENGINE : TL_OK;
}

static uint32_t or_else(uint32_t value, uint32_t otherwise) {
  return value != 0 ? value : otherwise;
}

/* Writes what docs/abi.md marks as the host's, then has the core check it. */
static tl_status settings(tl_client *client, const tl_config *config, uint32_t identity_bytes, uint32_t now) {
  uint8_t *arena = client->arena, *slot = tl_slot(client), *hello, number[4] = {0, 0, 0, 0}, record[8];
  uint32_t largest = or_else(config->largest, 512);
  if (!config->random(config->user, arena + TL_ABI_A_ENTROPY, 32) || !config->random(config->user, number, 4)) return TL_E_ENTROPY;
  if (tl_get32(number) == 0) return TL_E_ENTROPY; /* an outbox numbered 0 is none */
  memcpy(arena + TL_ABI_A_KEY, config->key, 32);
  tl_put32(arena + TL_ABI_A_ROUND_TRIP, config->round_trip_ms);
  tl_put32(arena + TL_ABI_A_DRIFT, or_else(config->drift_ms, CRYSTAL_DRIFT_MS));
  if (config->load_record != NULL && config->load_record(config->user, record)) {
    memcpy(slot + TL_ABI_S_IN_OUTBOX, record, 4);
    tl_put32(slot + TL_ABI_S_IN_LAST, tl_get32_be(record + 4));
  }
  tl_put32(slot + TL_ABI_S_LOW, 1);
  tl_put32(slot + TL_ABI_S_NEXT, client->told);
  tl_put32(slot + TL_ABI_S_TAKES, largest);
  slot[TL_ABI_S_HELLO_BYTES] = (uint8_t)(TL_ABI_H_ID + identity_bytes);
  hello = tl_hello(client);
  hello[TL_ABI_H_VERSION] = TL_ABI_VERSION;
  hello[TL_ABI_H_LINK] = config->link;
  hello[TL_ABI_H_SUITES] = (uint8_t)or_else(config->suites, TL_CORE == TL_CORE_SMALL ? TL_SUITE_SEALED : TL_SUITE_SEALED | TL_SUITE_SIGNED | TL_SUITE_SIGNED_8);
  memcpy(hello + TL_ABI_H_OUTBOX, number, 4);
  hello[TL_ABI_H_LARGEST] = (uint8_t)(largest >> 8);
  hello[TL_ABI_H_LARGEST + 1] = (uint8_t)largest;
  hello[TL_ABI_H_KEY_ID] = config->key_id;
  memcpy(hello + TL_ABI_H_ID, config->identity, identity_bytes);
  if (config->datagram_bytes != 0) tl_put16(slot + TL_ABI_S_BUDGET, config->datagram_bytes);
  return (tl_status)tl_call1(client, TL_FN_INIT, now);
}

tl_status tl_open(tl_client **out, const tl_config *config, uint32_t now) {
  tl_client *client;
  tl_status status;
  uint32_t identity_bytes;
  if (out == NULL || config == NULL) return TL_E_ARGUMENT;
  *out = NULL;
  if (config->size != sizeof(tl_config)) return TL_E_VERSION;
  if (config->key == NULL || config->identity == NULL || config->random == NULL || config->event == NULL) return TL_E_ARGUMENT;
  identity_bytes = config->identity_bytes != 0 ? config->identity_bytes : (uint32_t)strlen(config->identity);
  if (identity_bytes == 0 || identity_bytes > 64 || (TL_CORE == TL_CORE_SMALL && config->suites > TL_SUITE_SEALED)) return TL_E_ARGUMENT;
  if (config->memory == NULL || config->memory_bytes < tl_memory_bytes() || ((uintptr_t)config->memory & 7) != 0) return TL_E_MEMORY;
  if (((uintptr_t)config->outbox & 3) != 0 || (config->outbox == NULL && config->outbox_bytes != 0)) return TL_E_MEMORY;
  client = (tl_client *)config->memory;
  memset(client, 0, sizeof *client);
  status = tl_engine_open(&client->engine, (uint8_t *)config->memory + CLIENT_BYTES, config->memory_bytes - (uint32_t)CLIENT_BYTES, config->engine);
  if (status == TL_OK) {
    client->user = config->user;
    client->random = config->random;
    client->event = config->event;
    client->store_record = config->store_record;
    client->parts = (uint8_t *)config->parts;
    client->parts_room = config->parts == NULL ? 0 : config->parts_bytes;
    tl_outbox_init(&client->outbox, config->outbox, config->outbox_bytes);
    client->told = tl_outbox_ready(&client->outbox);
    status = load(client);
  }
  if (status == TL_OK) status = settings(client, config, identity_bytes, now);
  if (status == TL_OK) *out = client;
  else tl_close(client);
  return status;
}

void tl_close(tl_client *client) {
  if (client == NULL || client->busy) return;
  if (client->engine != NULL) tl_engine_close(client->engine);
  tl_wipe(client->outbox.memory, client->outbox.room);
  tl_wipe(client->parts, client->parts_room);
  tl_wipe(client, sizeof *client);
}

tl_status tl_start(tl_client *client, uint32_t now) {
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  if (!client->started) {
    const tl_event event = {.kind = TL_EV_CONNECT};
    client->started = true;
    tl_tell(client, &event);
    tl_settle(client, now);
  }
  return leave(client, TL_OK);
}

/* Ends session or link; where there was none the core says E_STATE, which is no fault here. */
static tl_status down(tl_client *client, uint32_t why, uint32_t now) {
  int32_t status = tl_call2(client, TL_FN_DOWN, why, now);
  tl_settle(client, now);
  return leave(client, status == TL_ABI_E_STATE ? TL_OK : status);
}

tl_status tl_stop(tl_client *client, uint32_t now) {
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  status = down(client, TL_ABI_DOWN_HOST, now);
  if (status == TL_OK) client->started = false;
  return status;
}

tl_status tl_disconnected(tl_client *client, uint32_t now) {
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  client->rx_waits = false;
  if (!client->started) return leave(client, TL_OK); /* the end of a link that was stopped */
  return down(client, TL_ABI_DOWN_LINK, now);
}

tl_status tl_set_link(tl_client *client, uint8_t link, uint8_t suites) {
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  if (tl_slot(client)[TL_ABI_S_STATE] >= TL_ABI_STATE_HELLO) return leave(client, TL_E_STATE);
  if (TL_CORE == TL_CORE_SMALL && ((link & TL_LINK_DATAGRAM) != 0 || suites > TL_SUITE_SEALED)) return leave(client, TL_E_ARGUMENT);
  tl_hello(client)[TL_ABI_H_LINK] = tl_slot(client)[TL_ABI_S_LINK] = link;
  if (suites != 0) tl_hello(client)[TL_ABI_H_SUITES] = suites;
  tl_put32(client->arena + TL_ABI_A_OUT_BYTES, 0); /* what is left was for another link */
  return leave(client, TL_OK);
}

tl_status tl_connected(tl_client *client, uint32_t now) {
  tl_status status = enter(client);
  int32_t result;
  if (status != TL_OK) return status;
  if (!client->started) return leave(client, TL_E_STATE);
  if (!client->random(client->user, client->arena + TL_ABI_A_ENTROPY, 32)) {
    tl_wipe(client->arena + TL_ABI_A_ENTROPY, 32);
    return leave(client, TL_E_ENTROPY);
  }
  client->rx_waits = false;
  result = tl_call1(client, TL_FN_CONNECTED, now);
  if (result < 0) tl_wipe(client->arena + TL_ABI_A_ENTROPY, 32);
  tl_settle(client, now);
  return leave(client, result);
}

/* Gives the core `bytes` that stand at A_RX_TO, until it has done with them; TL_MORE: output must go first. */
static int32_t run_rx(tl_client *client, uint32_t bytes, uint32_t now) {
  for (;;) {
    int32_t status = tl_call2(client, TL_FN_RX, bytes, now);
    client->rx_waits = status == TL_ABI_MORE;
    tl_settle(client, now);
    if (status != TL_ABI_MORE || client->trapped) return status;
    if (tl_get32(client->arena + TL_ABI_A_OUT_BYTES) != 0) return TL_MORE;
    bytes = 0;
  }
}

static int32_t receive(tl_client *client, const uint8_t *bytes, uint32_t count, uint32_t *taken, uint32_t now) {
  int32_t status = TL_OK;
  if (tl_get32(client->arena + TL_ABI_A_RX_TO) == 0) return TL_E_STATE; /* no link yet */
  if (client->rx_waits) status = run_rx(client, 0, now);
  while (status == TL_OK && *taken < count) {
    uint32_t to = tl_get32(client->arena + TL_ABI_A_RX_TO), end = tl_get32(client->arena + TL_ABI_A_RX_END);
    uint32_t n = end > to ? end - to : 0;
    if (tl_inside(client, to, n) == NULL) return TL_E_ENGINE;
    if (n > count - *taken) n = count - *taken;
    if (tl_is_datagram(client) && n < count) { /* longer than any frame: dropped */
      *taken = count;
      return TL_OK;
    }
    memcpy(client->memory + to, bytes + *taken, n);
    *taken += n;
    status = run_rx(client, n, now);
  }
  if (count == 0) tl_settle(client, now); /* what waited for room in the output */
  return status;
}

tl_status tl_receive(tl_client *client, const uint8_t *bytes, uint32_t count, uint32_t *taken, uint32_t now) {
  uint32_t took = 0;
  tl_status status = enter(client);
  if (taken != NULL) *taken = 0;
  if (status != TL_OK) return status;
  if (bytes == NULL && count != 0) return leave(client, TL_E_ARGUMENT);
  status = leave(client, receive(client, bytes, count, &took, now));
  if (taken != NULL) *taken = took;
  return status;
}

int32_t tl_poll(tl_client *client, uint32_t now) {
  tl_status status = enter(client);
  int32_t wait, until;
  if (status != TL_OK) return status;
  if (client->rx_waits) (void)run_rx(client, 0, now);
  do {
    wait = tl_call1(client, TL_FN_POLL, now);
    tl_settle(client, now);
  } while (wait == 0);
  until = (int32_t)tl_outbox_expire(client, now);
  if (until < wait) wait = until;
  if (tl_waits(client) && wait > 1) wait = 1; /* output must be taken first */
  status = leave(client, TL_OK);
  return status != TL_OK ? status : wait;
}

/* The output's first piece and where it ends: all of a stream's, one datagram. */
static const uint8_t *first_piece(const tl_client *client, uint32_t *lead, uint32_t *count) {
  uint32_t bytes = tl_get32(client->arena + TL_ABI_A_OUT_BYTES);
  const uint8_t *out = tl_inside(client, tl_get32(client->arena + TL_ABI_A_OUT), bytes);
  *lead = *count = 0;
  if (out == NULL || bytes == 0) return NULL;
  if (!tl_is_datagram(client)) {
    *count = bytes;
    return out;
  }
  if (bytes < 2) return NULL;
  *lead = 2;
  *count = (uint32_t)out[0] | (uint32_t)out[1] << 8;
  return *count > bytes - 2 ? NULL : out + 2;
}

const uint8_t *tl_output(tl_client *client, uint32_t *count) {
  uint32_t lead;
  if (count == NULL) return NULL;
  *count = 0;
  if (enter(client) != TL_OK) return NULL;
  const uint8_t *piece = first_piece(client, &lead, count);
  (void)leave(client, TL_OK);
  return piece;
}

tl_status tl_output_taken(tl_client *client, uint32_t count) {
  uint32_t lead, bytes, all;
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  const uint8_t *piece = first_piece(client, &lead, &bytes);
  if (piece == NULL || count > bytes) return leave(client, piece == NULL && count == 0 ? TL_OK : TL_E_ARGUMENT);
  if (lead != 0) count = bytes;
  all = tl_get32(client->arena + TL_ABI_A_OUT_BYTES) - lead - count;
  memmove(client->memory + tl_get32(client->arena + TL_ABI_A_OUT), piece + count, all);
  tl_put32(client->arena + TL_ABI_A_OUT_BYTES, all);
  return leave(client, TL_OK);
}

tl_status tl_post(tl_client *client, const uint8_t *body, uint32_t count, uint32_t now) {
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  if (body == NULL && count != 0) return leave(client, TL_E_ARGUMENT);
  int32_t result = client->online ? tl_frame(client, TL_ABI_DATA, body, count, 0, 0, now) : TL_E_STATE;
  tl_settle(client, now);
  return leave(client, result);
}

static tl_status queue(tl_client *client, const tl_new_message *message, uint32_t *ticket, uint32_t now) {
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  if (message->body == NULL && message->bytes != 0) return leave(client, TL_E_ARGUMENT);
  status = tl_outbox_add(&client->outbox, message, now);
  if (status == TL_OK && ticket != NULL) *ticket = client->outbox.ticket;
  tl_settle(client, now);
  return leave(client, status);
}

tl_status tl_send(tl_client *client, const uint8_t *body, uint32_t count, uint32_t lifetime_ms, bool repeat, uint32_t *ticket, uint32_t now) {
  const tl_new_message message = {.body = body, .bytes = count, .lifetime = lifetime_ms, .again = repeat};
  return queue(client, &message, ticket, now);
}

tl_status tl_publish(tl_client *client, const char *topic, uint8_t topic_bytes, uint16_t keep_s, const uint8_t *body, uint32_t count,
                     uint32_t lifetime_ms, bool repeat, uint32_t *ticket, uint32_t now) {
  uint8_t head[TL_ABI_ROUTE_NAME];
  size_t bytes = topic == NULL ? 0 : topic_bytes != 0 ? topic_bytes : strlen(topic);
  if (TL_CORE == TL_CORE_SMALL || bytes == 0 || bytes > 255) return TL_E_ARGUMENT;
  head[TL_ABI_ROUTE_LIFETIME] = (uint8_t)(keep_s >> 8);
  head[TL_ABI_ROUTE_LIFETIME + 1] = (uint8_t)keep_s;
  head[TL_ABI_ROUTE_KIND] = TL_ABI_KIND_TOPIC;
  head[TL_ABI_ROUTE_NAME_BYTES] = (uint8_t)bytes;
  const tl_new_message message = {.head = head, .head_bytes = sizeof head, .name = topic, .name_bytes = (uint32_t)bytes,
                                  .body = body, .bytes = count, .lifetime = lifetime_ms, .again = repeat};
  return queue(client, &message, ticket, now);
}

tl_status tl_clock_lost(tl_client *client, uint32_t now) {
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  tl_slot(client)[TL_ABI_S_PINGS] = 0; /* an answer under way would be read by a clock that stood still */
  tl_slot(client)[TL_ABI_S_CLOCK_LOST] = 1;
  (void)tl_call1(client, TL_FN_POLL, now);
  tl_settle(client, now);
  return leave(client, TL_OK);
}

tl_status tl_set_datagram_bytes(tl_client *client, uint16_t bytes) {
  tl_status status = enter(client);
  if (status != TL_OK) return status;
  tl_put16(tl_slot(client) + TL_ABI_S_BUDGET, bytes);
  return leave(client, TL_OK);
}
