/*
 * libFuzzer on the C client and the wasm2c engine. An input is what a peer does: byte 0 says in which of 18 states (three suites,
 * two links, three stages of a handshake), then records {kind, length, bytes}. Each input is run twice:
 *   sealed   its bytes are bodies of frames that the gateway's core gives a valid tag: mutated before the tag is made
 *   spoiled  the same frames, and after the tag one of their bytes is turned: none of them may be believed
 * So half of all frames hold what a gateway with the right key could say, and half what a stranger makes of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "tidelock.h"

#define STATES 18
#define KIND_CONTROL 31 /* as a frame's type: what the application and the link do */
#define MUST(x) ((x) ? (void)0 : (fprintf(stderr, "fuzz.c:%d: %s\n", __LINE__, #x), abort()))

static uint64_t memory[TL_MEMORY_BYTES / 8];
static uint32_t outbox[256];
static uint8_t parts[512];
static struct state {
  uint64_t memory[TL_MEMORY_BYTES / 8];
  uint32_t outbox[256];
  uint8_t parts[512], slot[512];
  uint8_t link, suites, stage;
} states[STATES];

static tl_client *client;
static uint32_t now, spoil_at;
static bool spoiling, told;
static uint8_t spoil_by;
volatile uint8_t sum; /* seen from outside, so that its reads are not left out */
static uint64_t frames[3]; /* sealed, spoiled, and bytes that never had a tag */
static bool tagged;

static bool random_bytes(void *user, uint8_t *out, uint32_t n) {
  (void)user;
  memset(out, 0x33, n);
  return true;
}

static tl_verdict on_event(void *user, const tl_event *event) {
  (void)user;
  for (uint32_t i = 0; i < event->bytes; i++) sum ^= event->body[i]; /* a sanitizer sees what lies outside */
  for (uint32_t i = 0; i < event->topic_bytes; i++) sum ^= (uint8_t)event->topic[i];
#ifdef FUZZ_PLANT
  if (event->kind == TL_EV_MESSAGE && event->bytes > 2 && memcmp(event->body, "BUG", 3) == 0) sum ^= ((uint8_t *)memory)[sizeof memory];
#endif
  if (event->kind == TL_EV_MESSAGE) told = true;
  return event->bytes > 0 ? (tl_verdict)(event->body[0] & 0x83) : TL_TAKE;
}

static void drain(void) {
  uint32_t n;
  const uint8_t *piece;
  while ((piece = tl_output(client, &n)) != NULL) MUST(tl_output_taken(client, n) == TL_OK);
}

/* Bytes to the client, copied so that one read beyond them is seen. */
static void to_client(const uint8_t *bytes, uint32_t count) {
  uint8_t *copy = malloc(count + 1u);
  uint32_t at = 0, taken = 0;
  memcpy(copy, bytes, count);
  if (spoiling && count > 0) copy[spoil_at % count] ^= spoil_by;
  frames[!tagged ? 2 : spoiling ? 1 : 0]++;
  for (int i = 0; i < 100; i++) {
    tl_status status = tl_receive(client, copy + at, count - at, &taken, now);
    MUST(status != TL_E_TRAP && status != TL_E_ENGINE);
    at += taken;
    drain();
    if (status != TL_MORE) break;
  }
  free(copy);
}

static void poll_client(void) {
  int32_t wait = tl_poll(client, now);
  MUST(wait >= 0);
  drain();
}

static void control(const uint8_t *p, uint8_t n) {
  uint8_t what = n > 0 ? p[0] % 8 : 7;
  if (what == 0) now += n > 1 ? p[1] * 50u : 1000u;
  else if (what == 1) (void)tl_send(client, p + 1, n - 1u, n > 1 ? p[1] * 10u : 0, n & 1, NULL, now);
  else if (what == 2) (void)tl_post(client, p + 1, n - 1u, now);
  else if (what == 3) (void)tl_clock_lost(client, now);
  else if (what == 4) (void)tl_publish(client, "a/b", (uint8_t)(n & 3), 0, p + 1, n - 1u, 0, false, NULL, now);
  else if (what == 5 && !spoiling) (void)tl_disconnected(client, now), (void)tl_connected(client, now);
  else if (what == 6 && n > 2) (void)tl_set_datagram_bytes(client, (uint16_t)(p[1] << 8 | p[2]));
  poll_client();
}

/* Frames from the gateway as they come out of it: those of a state's stage go to the client whole. */
static struct held { uint8_t bytes[256]; uint32_t count; } held[4];
static int held_count;
static void hold(const uint8_t *bytes, uint32_t count) {
  if (held_count < 4 && count <= 256) memcpy(held[held_count].bytes, bytes, count), held[held_count++].count = count;
}

static void up(void) {
  uint32_t n;
  const uint8_t *piece;
  while ((piece = tl_output(client, &n)) != NULL) {
    gateway_receive(piece, n, now, hold);
    MUST(tl_output_taken(client, n) == TL_OK);
  }
}

static void make(struct state *s, uint8_t link, uint8_t suites, uint8_t stage) {
  tl_config config = {.size = sizeof config, .memory = memory, .memory_bytes = sizeof memory, .outbox = outbox, .outbox_bytes = sizeof outbox,
                      .parts = parts, .parts_bytes = sizeof parts, .key = gateway_device_key, .identity = "pump-7", .link = link,
                      .suites = suites, .random = random_bytes, .event = on_event};
  now = 1000;
  held_count = 0;
  memset(memory, 0, sizeof memory);
  MUST(tl_open(&client, &config, now) == TL_OK && tl_start(client, now) == TL_OK);
  gateway_open(link, suites, now);
  MUST(tl_connected(client, now) == TL_OK);
  if (stage > 0) {
    up(); /* HELLO, then CHALLENGE is held */
    MUST(held_count == 1);
    held_count = 0;
    uint32_t taken;
    MUST(tl_receive(client, held[0].bytes, held[0].count, &taken, now) == TL_OK);
    up(); /* PROOF, then READY is held */
    MUST(held_count >= 1);
  }
  if (stage > 1) {
    uint32_t taken;
    MUST(tl_receive(client, held[0].bytes, held[0].count, &taken, now) == TL_OK && tl_is_online(client));
    up();
  }
  memcpy(s->memory, memory, sizeof memory);
  memcpy(s->outbox, outbox, sizeof outbox);
  memcpy(s->parts, parts, sizeof parts);
  gateway_save(s->slot);
  s->link = link, s->suites = suites, s->stage = stage;
}

static void run(const struct state *s, const uint8_t *data, size_t size) {
  memcpy(memory, s->memory, sizeof memory);
  memcpy(outbox, s->outbox, sizeof outbox);
  memcpy(parts, s->parts, sizeof parts);
  gateway_restore(s->slot);
  now = 1000;
  told = false;
  while (size >= 2) {
    uint8_t kind = data[0], n = data[1];
    data += 2, size -= 2;
    if (n > size) n = (uint8_t)size;
    spoil_at = n > 0 ? data[0] : 0;
    spoil_by = (uint8_t)(n > 1 && data[1] != 0 ? data[1] : 1);
    if ((kind & TL_ABI_TYPE_MASK) == KIND_CONTROL) control(data, n);
    else {
      tagged = true;
      if (s->stage == 0 || !gateway_seal(kind, data, n, now, to_client)) tagged = false, to_client(data, n); /* without keys: as it is */
    }
    data += n, size -= n;
  }
  now += 100000;
  poll_client();
  if (spoiling && s->stage > 0) MUST(!told); /* nothing unauthenticated was acted on */
}

static void totals(void) {
  printf("frames: %llu mutated before the tag, %llu after it, %llu without one\n", (unsigned long long)frames[0], (unsigned long long)frames[1], (unsigned long long)frames[2]);
}

int LLVMFuzzerInitialize(int *count, char ***words) {
  (void)count;
  (void)words;
  gateway_init();
  gateway_open(0, 7, 1000); /* slot 0 */
  for (int i = 0; i < STATES; i++) make(&states[i], i & 1, (uint8_t)(1 << (i / 2 % 3)), (uint8_t)(i / 6));
  memset(frames, 0, sizeof frames);
  atexit(totals);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  for (int pass = 0; pass < 2; pass++) {
    spoiling = pass == 1;
    run(&states[data[0] % STATES], data + 1, size - 1);
  }
  return 0;
}
