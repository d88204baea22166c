/*
 * A device on a board in QEMU: sends readings, obeys commands, tells both through semihosting. Its UART is a modem to the gateway
 * (boards/modem.h). What a real board takes from its flash it reads from files in QEMU's working folder: `device.key`, 32
 * bytes; `device.txt`, the identity, and how many readings to send, a line each; `random`, which is /dev/urandom.
 */
#include "board.h"
#include "modem.h"
#include "tidelock.h"

#include <stdlib.h>
#include <string.h>

#ifdef TL_ENGINE_WAMR
extern const uint8_t board_core[], board_core_end[];
#ifndef POOL_BYTES
#define POOL_BYTES 65536
#endif
static uint64_t pool[POOL_BYTES / 8];
#endif

enum { AT_ONCE = 8 };

static uint64_t memory[TL_MEMORY_BYTES / 8];
static uint32_t outbox[512];
static tl_client *client;
static char identity[65];
static uint32_t wanted, queued, delivered, commands, wrong, link_up;
static bool wants_link, hangs_up, stops;

static void say(const char *what, uint32_t number) {
  board_print(what);
  board_print(" ");
  board_print_number(number);
  board_print("\n");
}

static bool random_bytes(void *user, uint8_t *out, uint32_t bytes) {
  long file = board_open_file("random", 0), got = 0;
  (void)user;
  if (file == -1) return false;
  got = board_read_file(file, out, bytes);
  board_close_file(file);
  return got == (long)bytes;
}

/* Commands are numbered, so that a lost, doubled or exchanged one shows. */
static void obey(const tl_event *event) {
  char text[16] = "";
  memcpy(text, event->body, event->bytes < sizeof text - 1 ? event->bytes : sizeof text - 1);
  if (strcmp(text, "stop") == 0) {
    stops = true;
  } else if (strncmp(text, "command ", 8) == 0 && strtoul(text + 8, NULL, 10) == commands) {
    if (++commands % 100 == 0) say("commands", commands);
  } else {
    wrong++;
    board_print(text);
    say(" is not command", commands);
  }
}

static tl_verdict on_event(void *user, const tl_event *event) {
  (void)user;
  switch (event->kind) {
    case TL_EV_CONNECT: wants_link = true; break;
    case TL_EV_DISCONNECT:
      say("disconnected", event->why);
      hangs_up = true;
      break;
    case TL_EV_ONLINE: say("online", event->why); break;
    case TL_EV_MESSAGE: obey(event); break;
    case TL_EV_RESULT:
      if (event->why == TL_DELIVERED) delivered++;
      else wrong++, say("not delivered", event->id);
      if (delivered % 100 == 0) say("delivered", delivered);
      break;
    case TL_EV_REFUSED: say("refused", event->why); break;
    case TL_EV_CLOSED: say("closed", event->why); break;
    default: break;
  }
  return TL_TAKE;
}

static void flush(void) {
  const uint8_t *bytes;
  uint32_t count;
  while (link_up && (bytes = tl_output(client, &count)) != NULL) {
    modem_write(bytes, count);
    tl_output_taken(client, count);
  }
}

static void hand_over(const uint8_t *bytes, uint32_t count) {
  uint32_t taken;
  for (uint32_t at = 0; at < count && link_up; at += taken) {
    tl_status status = tl_receive(client, bytes + at, count - at, &taken, board_ms());
    if (status != TL_OK && status != TL_MORE) {
      say("tl_receive failed, status -", (uint32_t)-status);
      if (status == TL_E_TRAP) board_exit(3);
      return;
    }
    flush();
  }
}

static void receive(void) {
  uint8_t bytes[64];
  char event;
  hand_over(bytes, modem_read(bytes, sizeof bytes, &event));
  if (event == 'U') {
    link_up = 1;
    if (tl_connected(client, board_ms()) != TL_OK) wants_link = true; /* no randomness yet: dial again */
  } else if (event == 'D') {
    link_up = 0;
    tl_disconnected(client, board_ms());
  }
}

static void queue_readings(void) {
  char body[32] = "reading ";
  for (; queued < wanted && tl_queued(client) < AT_ONCE; queued++) {
    char *end = body + 8;
    for (uint32_t unit = 1000; unit > 0; unit /= 10) *end++ = (char)('0' + queued / unit % 10);
    if (tl_send(client, (const uint8_t *)body, (uint32_t)(end - body), 0, true, NULL, board_ms()) != TL_OK) return;
  }
}

static bool read_settings(uint8_t key[32]) {
  char text[100] = "";
  long file = board_open_file("device.txt", 0), bytes = file == -1 ? -1 : board_read_file(file, text, sizeof text - 1);
  char *line = strchr(text, '\n');
  if (bytes <= 0 || line == NULL || line - text > 64) return false;
  board_close_file(file);
  memcpy(identity, text, (size_t)(line - text));
  wanted = (uint32_t)strtoul(line + 1, NULL, 10);
  file = board_open_file("device.key", 0);
  if (file == -1) return false;
  bytes = board_read_file(file, key, 32);
  board_close_file(file);
  return bytes == 32;
}

int main(void) {
  uint8_t key[32];
  uint64_t unix_ms = 0;
  tl_config config;
  tl_status status;

  board_init();
  if (!read_settings(key)) {
    board_print("no device.txt or device.key\n");
    return 2;
  }
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.memory = memory;
  config.memory_bytes = sizeof memory;
  config.outbox = outbox;
  config.outbox_bytes = sizeof outbox;
  config.key = key;
  config.identity = identity;
  config.random = random_bytes;
  config.event = on_event;
#ifdef TL_ENGINE_WAMR
  tl_engine_options engine = { board_core, (uint32_t)(board_core_end - board_core), pool, sizeof pool, 0 };
  config.engine = &engine;
#endif
  status = tl_open(&client, &config, board_ms());
  memset(key, 0, sizeof key);
  if (status != TL_OK) {
    say("tl_open failed, status -", (uint32_t)-status);
    return 1;
  }
  tl_start(client, board_ms());
  for (;;) {
    int32_t wait = tl_poll(client, board_ms());
    flush();
    if (hangs_up) {
      if (link_up) modem_hang_up();
      hangs_up = false;
      link_up = 0;
    }
    if (wants_link) modem_connect();
    wants_link = false;
    queue_readings();
    if (stops && delivered == wanted) break;
    if (wait > 0) board_wait(wait < 1000 ? (uint32_t)wait : 1000);
    receive();
    flush();
  }
  if (tl_unix_ms(client, board_ms(), &unix_ms) == TL_OK) say("unix time", (uint32_t)(unix_ms / 1000));
  say("readings", delivered);
  say("commands", commands);
  say("bad tags", tl_refused(client, TL_ABI_REFUSED_BAD_TAG));
  say("stale", tl_refused(client, TL_ABI_REFUSED_STALE));
  tl_stop(client, board_ms());
  tl_poll(client, board_ms());
  flush();
  tl_close(client);
  return wrong == 0 ? 0 : 1;
}
