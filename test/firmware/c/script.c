/*
 * The API of tidelock.h driven by lines of text, for tests: one command a line on stdin, its answer on stdout, up to a line ".".
 * Bytes are hexadecimal, "-" stands for none. Randomness comes from what `random` was given; where that is used up it fails.
 *
 *   random HEX | open NOW KEY ID LINK SUITES LARGEST OUTBOX PARTS BUDGET RECORD | start NOW | stop NOW | link BITS SUITES
 *   connected NOW | disconnected NOW | receive NOW HEX | poll NOW | send NOW LIFETIME REPEAT HEX | post NOW HEX
 *   publish NOW TOPIC KEEP HEX | lost NOW
 *   budget BYTES | unix NOW | queued | verdict N | store 0|1 | hold 0|1 (output stays in the client) | reenter 0|1 | close
 *
 * On a board two files of the host stand in for stdin and stdout (programs/script-board.h).
 *
 * It prints "= STATUS", "out HEX" for each piece of output, "event KIND WHY DETAIL ID MS REPEAT HEX [TOPIC TRUST]", "record HEX".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tidelock.h"
#ifdef SCRIPT_ON_BOARD
#include "../programs/script-board.h"
#endif

static uint64_t memory[TL_MEMORY_BYTES / 8];
static uint32_t outbox[4096];
static uint8_t parts[16384];
static uint8_t entropy[1 << 16], bytes[1 << 16];
static size_t entropy_from, entropy_to;
static tl_client *client;
static tl_verdict verdict = TL_TAKE;
static bool stores = true, holds, reenters;
static uint8_t record[8];
static bool has_record;
#ifdef TL_ENGINE_WAMR
extern const tl_engine_options *script_engine(void);
#else
#define script_engine() NULL
#endif

static int nibble(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t unhex(const char *text, uint8_t *out) {
  uint32_t n = 0;
  for (; nibble(text[0]) >= 0 && nibble(text[1]) >= 0; text += 2) out[n++] = (uint8_t)(nibble(text[0]) << 4 | nibble(text[1]));
  return n;
}

static void hex(const uint8_t *p, uint32_t n) {
  if (n == 0) putchar('-');
  for (uint32_t i = 0; i < n; i++) printf("%02x", p[i]);
}

static bool random_bytes(void *user, uint8_t *out, uint32_t n) {
  (void)user;
  if (entropy_to - entropy_from < n) return false;
  memcpy(out, entropy + entropy_from, n);
  entropy_from += n;
  return true;
}

static bool load_record(void *user, uint8_t out[8]) {
  (void)user;
  memcpy(out, record, 8);
  return has_record;
}

static bool store_record(void *user, const uint8_t in[8]) {
  (void)user;
  printf("record ");
  hex(in, 8);
  putchar('\n');
  return stores;
}

/* Every call from within the callback must be refused, and must change nothing. */
static void reenter(void) {
  uint32_t n = 0;
  int refused = 0;
  refused += tl_start(client, 1) == TL_E_REENTRANT;
  refused += tl_stop(client, 1) == TL_E_REENTRANT;
  refused += tl_set_link(client, 0, 0) == TL_E_REENTRANT;
  refused += tl_connected(client, 1) == TL_E_REENTRANT;
  refused += tl_disconnected(client, 1) == TL_E_REENTRANT;
  refused += tl_receive(client, (const uint8_t *)"x", 1, &n, 1) == TL_E_REENTRANT;
  refused += tl_poll(client, 1) == TL_E_REENTRANT;
  refused += tl_output(client, &n) == NULL;
  refused += tl_output_taken(client, 0) == TL_E_REENTRANT;
  refused += tl_post(client, (const uint8_t *)"x", 1, 1) == TL_E_REENTRANT;
  refused += tl_send(client, (const uint8_t *)"x", 1, 0, false, &n, 1) == TL_E_REENTRANT;
  refused += tl_clock_lost(client, 1) == TL_E_REENTRANT;
  refused += tl_set_datagram_bytes(client, 1) == TL_E_REENTRANT;
  tl_close(client);
  printf("reentrant calls refused: %d of 13\n", refused);
}

static tl_verdict on_event(void *user, const tl_event *event) {
  (void)user;
  printf("event %d %u %u %lu %ld %d ", (int)event->kind, event->why, event->detail, (unsigned long)event->id, (long)event->ms, event->repeat);
  hex(event->body, event->bytes);
  if (event->topic != NULL) printf(" %.*s %u", event->topic_bytes, event->topic, event->trust);
  putchar('\n');
  if (reenters) reenter();
  return verdict;
}

/* Takes all output; true: there was some. */
static bool take_output(void) {
  uint32_t n;
  const uint8_t *piece;
  bool some = false;
  while (client != NULL && !holds && (piece = tl_output(client, &n)) != NULL) {
    printf("out ");
    hex(piece, n);
    putchar('\n');
    if (tl_output_taken(client, n) != TL_OK) abort();
    some = true;
  }
  return some;
}

static long receive(uint32_t now, const char *text) {
  uint32_t n = unhex(text, bytes), at = 0, taken = 0;
  for (;;) {
    /* A copy of just what is given, so that a sanitizer sees a byte read beyond it. */
    uint8_t *given = malloc(n - at + 1);
    if (n > at) memcpy(given, bytes + at, n - at);
    tl_status status = tl_receive(client, given, n - at, &taken, now);
    free(given);
    at += taken;
    if (status != TL_MORE || holds) return status;
    take_output();
  }
}

static long open_client(uint32_t now, char **w) {
  static uint8_t key[32];
  tl_config config = {.size = sizeof config, .memory = memory, .memory_bytes = sizeof memory, .outbox = outbox, .parts = parts,
                      .key = key, .engine = script_engine(), .random = random_bytes, .event = on_event,
                      .load_record = load_record, .store_record = store_record};
  unhex(w[2], key);
  config.identity = w[3];
  config.link = (uint8_t)atoi(w[4]);
  config.suites = (uint8_t)atoi(w[5]);
  config.largest = (uint16_t)atoi(w[6]);
  config.outbox_bytes = (uint32_t)atoi(w[7]);
  config.parts_bytes = (uint32_t)atoi(w[8]);
  if (config.outbox_bytes == 0) config.outbox = NULL;
  config.datagram_bytes = (uint16_t)atoi(w[9]);
  has_record = unhex(w[10], record) == 8;
  return tl_open(&client, &config, now);
}

static long run(char **w) {
  const char *name = w[0];
  uint32_t now = (uint32_t)strtoul(w[1], NULL, 10), ticket;
  uint64_t ms;
  if (strcmp(name, "random") == 0) {
    if (entropy_from == entropy_to) entropy_from = entropy_to = 0;
    entropy_to += unhex(w[1], entropy + entropy_to);
    return 0;
  }
  if (strcmp(name, "verdict") == 0) return verdict = (tl_verdict)now, 0;
  if (strcmp(name, "store") == 0) return stores = now != 0, 0;
  if (strcmp(name, "hold") == 0) return holds = now != 0, 0;
  if (strcmp(name, "reenter") == 0) return reenters = now != 0, 0;
  if (strcmp(name, "open") == 0) return open_client(now, w);
  if (client == NULL) return -999;
  if (strcmp(name, "start") == 0) return tl_start(client, now);
  if (strcmp(name, "stop") == 0) return tl_stop(client, now);
  if (strcmp(name, "link") == 0) return tl_set_link(client, (uint8_t)now, (uint8_t)atoi(w[2]));
  if (strcmp(name, "connected") == 0) return tl_connected(client, now);
  if (strcmp(name, "disconnected") == 0) return tl_disconnected(client, now);
  if (strcmp(name, "receive") == 0) return receive(now, w[2]);
  if (strcmp(name, "poll") == 0) return tl_poll(client, now);
  if (strcmp(name, "send") == 0) return tl_send(client, bytes, unhex(w[4], bytes), (uint32_t)strtoul(w[2], NULL, 10), w[3][0] == '1', &ticket, now);
  if (strcmp(name, "publish") == 0) return tl_publish(client, w[2], 0, (uint16_t)atoi(w[3]), bytes, unhex(w[4], bytes), 0, false, &ticket, now);
  if (strcmp(name, "post") == 0) return tl_post(client, bytes, unhex(w[2], bytes), now);
  if (strcmp(name, "lost") == 0) return tl_clock_lost(client, now);
  if (strcmp(name, "budget") == 0) return tl_set_datagram_bytes(client, (uint16_t)now);
  if (strcmp(name, "queued") == 0) return (long)tl_queued(client);
  if (strcmp(name, "unix") == 0) {
    tl_status status = tl_unix_ms(client, now, &ms);
    if (status == TL_OK) printf("unix %llu\n", (unsigned long long)ms);
    return status;
  }
  if (strcmp(name, "close") == 0) {
    uint32_t left = 0;
    tl_close(client);
    client = NULL;
    for (size_t i = 0; i < sizeof memory; i++) left += ((uint8_t *)memory)[i];
    for (size_t i = 0; i < sizeof outbox; i++) left += ((uint8_t *)outbox)[i];
    return (long)left;
  }
  return -998;
}

int main(void) {
  static char line[1 << 18];
  printf("engine %lu of %lu\n.\n", (unsigned long)tl_memory_bytes(), (unsigned long)TL_MEMORY_BYTES);
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *w[12];
    int n = 0;
    for (char *p = strtok(line, " \n"); p != NULL && n < 12; p = strtok(NULL, " \n")) w[n++] = p;
    while (n < 12) w[n++] = "-";
    long status = run(w);
    uint32_t now = (uint32_t)strtoul(w[1], NULL, 10);
    while (take_output() && now != 0 && strcmp(w[0], "stop") != 0) tl_receive(client, NULL, 0, NULL, now);
    printf("= %ld\n.\n", status);
    fflush(stdout);
  }
  if (client != NULL) tl_close(client);
  return 0;
}
