#include "gateway.h"

#include <stdlib.h>
#include <string.h>

#include "engine.h"

tl_status gw_engine_open(tl_engine **engine, void *memory, uint32_t bytes, const tl_engine_options *options);
uint8_t *gw_engine_memory(tl_engine *engine, uint32_t *bytes);
int gw_engine_export(tl_engine *engine, const char *name);
tl_status gw_engine_call(tl_engine *engine, int function, const uint32_t *arguments, uint32_t count, uint32_t *result);

const uint8_t gateway_device_key[32] = {0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static uint64_t room[1500000 / 8];
static tl_engine *engine;
static uint8_t *base;
static uint32_t arena, g, slot;
static bool datagrams;

static int32_t call(const char *name, uint32_t count, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  const uint32_t arguments[4] = {a, b, c, d};
  uint32_t result = 0;
  if (gw_engine_call(engine, gw_engine_export(engine, name), arguments, count, &result) != TL_OK) abort();
  return (int32_t)result;
}

static uint32_t get(uint32_t at) {
  uint32_t value;
  memcpy(&value, base + at, 4);
  return value;
}

static void put(uint32_t at, uint32_t value) {
  memcpy(base + at, &value, 4);
}

void gateway_init(void) {
  uint32_t size, w;
  if (gw_engine_open(&engine, room, sizeof room, NULL) != TL_OK) abort();
  base = gw_engine_memory(engine, &size);
  arena = (uint32_t)call("arena", 0, 0, 0, 0, 0);
  g = (uint32_t)call("gw_arena", 0, 0, 0, 0, 0);
  w = g + TL_ABI_G_CONFIG;
  memset(base + w + TL_ABI_W_SECRET, 7, 32);
  put(w + TL_ABI_W_UNIX, 1000000);
  put(w + TL_ABI_W_UNIX + 4, 400);
  put(w + TL_ABI_W_WINDOW, 2000 | 90u << 16); /* and W_IDLE behind it */
  put(w + TL_ABI_W_LIFE, 86400);
  put(w + TL_ABI_W_SPREAD, 0 | 16383u << 16); /* and W_LARGEST */
  put(w + TL_ABI_W_SUITES, 7 | 7 << 8);
  if (call("gw_init", 1, 1000, 0, 0, 0) != TL_OK || call("gw_slots", 1, 64, 0, 0, 0) != TL_OK) abort();
}

static void take(gateway_output *output) {
  uint32_t at = get(arena + TL_ABI_A_OUT), end = at + get(arena + TL_ABI_A_OUT_BYTES);
  put(arena + TL_ABI_A_OUT_BYTES, 0);
  while (at < end) {
    uint32_t n = datagrams ? (uint32_t)base[at] | (uint32_t)base[at + 1] << 8 : end - at;
    if (datagrams) at += 2;
    output(base + at, n);
    at += n;
  }
}

/* Gives key and record where they are asked for; true: input that waited may go on. */
static bool answer(uint32_t now, gateway_output *output) {
  uint32_t count = get(arena + TL_ABI_A_EVENT_COUNT), events = get(arena + TL_ABI_A_EVENTS);
  bool hello = false, proved = false;
  for (uint32_t i = 0; i < count; i++) {
    hello |= base[events + i * TL_ABI_EVENT_BYTES] == TL_ABI_EV_HELLO;
    proved |= base[events + i * TL_ABI_EVENT_BYTES] == TL_ABI_EV_PROVED;
  }
  put(arena + TL_ABI_A_EVENT_COUNT, 0);
  if (hello) {
    memcpy(base + g + TL_ABI_G_KEY, gateway_device_key, 32);
    memset(base + g + TL_ABI_G_LAST_EPOCH, 0, 8);
    memset(base + g + TL_ABI_G_RANDOM, (int)slot + 3, 24); /* a nonce counts once */
    call("gw_key", 3, slot, 1, now, 0);
    take(output);
    if (get(arena + TL_ABI_A_EVENT_COUNT) != 0) return answer(now, output), true; /* a datagram's PROOF is judged at once */
  }
  if (proved) {
    memset(base + g + TL_ABI_G_ACCEPT, 0, 20);
    put(g + TL_ABI_G_ACCEPT + 4, 0x9a8b7c6d);
    put(g + TL_ABI_G_ACCEPT + 8, 1);
    put(g + TL_ABI_G_ACCEPT + 16, 1000000); /* ids that may be sent */
    memset(base + g + TL_ABI_G_LAST_EPOCH, 0, 8);
    call("gw_accept", 2, slot, now, 0, 0);
    put(arena + TL_ABI_A_EVENT_COUNT, 0);
    take(output);
  }
  return hello || proved;
}

void gateway_open(uint8_t link, uint8_t suites, uint32_t now) {
  base[g + TL_ABI_G_CONFIG + TL_ABI_W_SUITES] = base[g + TL_ABI_G_CONFIG + TL_ABI_W_SUITES_TLS] = suites;
  call("gw_init", 1, now, 0, 0, 0);
  datagrams = (link & TL_LINK_DATAGRAM) != 0;
  slot = (uint32_t)call("gw_open", 2, link, now, 0, 0);
}

void gateway_receive(const uint8_t *bytes, uint32_t count, uint32_t now, gateway_output *output) {
  uint32_t from = 0;
  if (count > get(g + TL_ABI_G_IN_BYTES)) return;
  memcpy(base + get(g + TL_ABI_G_IN), bytes, count);
  memset(base + g + TL_ABI_G_ADDRESS, 1, 18);
  put(g + TL_ABI_G_PATH, 0);
  for (;;) {
    int32_t to = call("gw_rx", 4, slot, from, count, now);
    take(output);
    bool more = answer(now, output);
    if (to < 0 || ((uint32_t)to == from && !more) || datagrams) return;
    from = (uint32_t)to;
    if (from == count && !more) return;
  }
}

bool gateway_seal(uint8_t type, const uint8_t *body, uint32_t count, uint32_t now, gateway_output *output) {
  uint32_t at = get(g + TL_ABI_G_IN), wanted = type & TL_ABI_FLAG_WANTED, cursor = 0;
  if (count > 1024) return false;
  memcpy(&cursor, base + get(g + TL_ABI_G_SLOTS) + slot * TL_ABI_SLOT_BYTES + 40, 4); /* S_CURSOR: the next id to be framed */
  put(at + TL_ABI_R_ID, wanted ? cursor : 0);
  put(at + TL_ABI_R_AGE, 0);
  put(at + TL_ABI_R_BYTES, count | (uint32_t)(type & TL_ABI_TYPE_MASK) << 16 | (uint32_t)(type & TL_ABI_FLAG_REPEAT) << 24);
  memcpy(base + at + TL_ABI_RECORD_BYTES, body, count);
  int32_t framed = call("gw_send", 3, slot, 1, now, 0);
  put(arena + TL_ABI_A_EVENT_COUNT, 0);
  take(output);
  return framed == 1;
}

void gateway_save(uint8_t out[512]) {
  memcpy(out, base + get(g + TL_ABI_G_SLOTS) + slot * TL_ABI_SLOT_BYTES, 512);
}

void gateway_restore(const uint8_t in[512]) {
  memcpy(base + get(g + TL_ABI_G_SLOTS) + slot * TL_ABI_SLOT_BYTES, in, 512);
}
