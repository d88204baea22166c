/*
 * A device of the older kind on a board in QEMU: core-legacy speaks IoTSocket 1.1 through the modem (boards/modem.h), and derives the
 * session key of an STCP conversation. From files in QEMU's working folder: `clock.txt`, the Unix time in ms; `legacy.txt`, a line each:
 * the identity, its key, the key of STCP, the server's answer to its ACTIVATE, and how many readings to send.
 */
#include "board.h"
#include "engine.h"
#include "modem.h"

#include <stdlib.h>
#include <string.h>

#ifdef TL_ENGINE_WAMR
extern const uint8_t board_core[], board_core_end[];
static uint64_t pool[8192];
#endif

enum { LINES = 5, RND = 4 }; /* `[OK:`, then the random number */

static uint64_t place[TL_ENGINE_BYTES / 8];
static tl_engine *engine;
static uint8_t *memory;
static uint32_t arena;
static uint64_t started;

static uint32_t call(const char *name, uint32_t count, uint32_t a, uint32_t b, uint32_t c) {
  const uint32_t arguments[3] = { a, b, c };
  uint32_t result = 0;
  tl_status status = tl_engine_call(engine, tl_engine_export(engine, name), arguments, count, &result);
  if (status == TL_OK) return result;
  board_print(name);
  board_print(" failed\n");
  board_exit(1);
  return 0;
}

static uint32_t get(uint32_t at) {
  uint32_t value;
  memcpy(&value, memory + at, 4);
  return value;
}

static void put(uint32_t at, uint32_t value) { memcpy(memory + at, &value, 4); }

/* The Unix time in units of 0.1 ms goes before each call. */
static void set_now(void) {
  uint64_t now = (started + board_ms()) * 10;
  memcpy(memory + arena + TL_ABI_I_NOW, &now, 8);
}

static void session_key(const char *key, const char *answer) {
  uint32_t at = call("legacy_arena", 0, 0, 0, 0);
  call("session_key_begin", 0, 0, 0, 0);
  memcpy(memory + at + 32, key, strlen(key));
  call("session_key_add", 1, (uint32_t)strlen(key), 0, 0);
  memcpy(memory + at + 32, answer + RND, 8);
  call("session_key_add", 1, 8, 0, 0);
  call("session_key_end", 0, 0, 0, 0);
  board_print("session key ");
  for (int i = 0; i < 32; i++) board_print((const char[]){ (char)memory[at + (uint32_t)i], 0 });
  board_print("\n");
}

/* What iot_send or iot_tick wrote. */
static void flush(void) {
  modem_write(memory + get(arena + TL_ABI_I_OUT_FROM), get(arena + TL_ABI_I_OUT_BYTES));
  put(arena + TL_ABI_I_OUT_BYTES, 0);
}

static uint32_t pushes;

static void events(void) {
  for (uint32_t i = 0; i < get(arena + TL_ABI_I_EVENT_COUNT); i++) {
    const uint8_t *event = memory + get(arena + TL_ABI_I_EVENTS) + i * TL_ABI_EVENT_BYTES;
    uint32_t bytes = event[2] | (uint32_t)event[3] << 8, at;
    memcpy(&at, event + 4, 4);
    if (event[0] == TL_ABI_EV_IOT_MESSAGE) {
      board_print("push ");
      for (; bytes > 0; bytes--) board_print((const char[]){ (char)memory[at++], 0 });
      board_print("\n");
      pushes++;
    } else {
      board_print("refused ");
      board_print_number(event[1]);
      board_print("\n");
    }
  }
  put(arena + TL_ABI_I_EVENT_COUNT, 0);
}

/* The window holds what of a frame has come; whole frames are handled. */
static void receive(uint32_t *held, char *event) {
  uint32_t window = get(arena + TL_ABI_I_IN), from = 0, stop;
  uint32_t count = modem_read(memory + window + *held, get(arena + TL_ABI_I_IN_BYTES) - *held, event);
  if (count == 0) return;
  *held += count;
  set_now();
  for (;;) {
    uint32_t told;
    stop = call("iot_rx", 3, 0, from, *held);
    told = get(arena + TL_ABI_I_EVENT_COUNT);
    events();
    if (stop == *held || told == 0) break;
    from = stop;
  }
  memmove(memory + window, memory + window + stop, *held - stop);
  *held -= stop;
}

int main(void) {
  static char text[400];
  char *lines[LINES] = { text }, clock[24] = "", event;
  uint32_t sent = 0, wanted, held = 0, bytes;
  bool up = false;
  tl_engine_options options;
  long file;

  board_init();
  memset(&options, 0, sizeof options);
#ifdef TL_ENGINE_WAMR
  options.wasm = board_core;
  options.wasm_bytes = (uint32_t)(board_core_end - board_core);
  options.pool = pool;
  options.pool_bytes = sizeof pool;
#endif
  if ((file = board_open_file("clock.txt", 0)) == -1 || board_read_file(file, clock, sizeof clock - 1) <= 0) return 2;
  started = strtoull(clock, NULL, 10) - board_ms();
  if ((file = board_open_file("legacy.txt", 0)) == -1 || board_read_file(file, text, sizeof text - 1) <= 0) return 2;
  for (int i = 1; i < LINES; i++) {
    char *end = strchr(lines[i - 1], '\n');
    if (end == NULL) return 2;
    *end = 0;
    lines[i] = end + 1;
  }
  wanted = (uint32_t)strtoul(lines[4], NULL, 10);
  if (tl_engine_open(&engine, place, sizeof place, &options) != TL_OK) return 3;
  memory = tl_engine_memory(engine, &bytes);
  session_key(lines[2], lines[3]);
  arena = call("iot_arena", 0, 0, 0, 0);
  call("iot_init", 0, 0, 0, 0);
  modem_connect();
  while (pushes == 0 || sent < wanted) {
    receive(&held, &event);
    set_now();
    if (event == 'U') {
      up = true;
      call("iot_open", 2, 0, TL_ABI_IOT_DEVICE, 0);
      memcpy(memory + arena + TL_ABI_I_ID, lines[0], 10);
      memcpy(memory + arena + TL_ABI_I_KEY, lines[1], strlen(lines[1]));
      if (call("iot_device", 2, 0, (uint32_t)strlen(lines[1]), 0) != 0) return 4;
    } else if (event == 'D') {
      return 5;
    }
    if (up && sent < wanted && call("iot_wait", 1, 0, 0, 0) == 0) {
      char *body = (char *)memory + get(arena + TL_ABI_I_BODY);
      memcpy(body, "reading ", 8);
      body[8] = (char)('0' + sent++ % 10);
      if (call("iot_send", 2, 0, 9, 0) != 0) return 6;
      flush();
    }
    if (up) {
      call("iot_tick", 1, 0, 0, 0);
      flush();
      events();
    }
    board_wait(20);
  }
  modem_hang_up();
  tl_engine_close(engine);
  return 0;
}
