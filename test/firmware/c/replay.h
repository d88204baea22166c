/*
 * Does again on an engine what a test did with a core in Node (test/core/engine/trace.ts): the same writes and calls, and after
 * each call the same result and the same memory.
 */
#ifndef TIDELOCK_REPLAY_H
#define TIDELOCK_REPLAY_H

#include "engine.h"

typedef struct replay {
  void *memory; /* for the engine, aligned to 8 */
  uint32_t memory_bytes;
  const tl_engine_options *options;
  const char *core; /* lines of other cores are passed over; NULL: all are done */
  tl_engine *engine;
  uint8_t *base;
  uint32_t size, hashed;
  uint32_t calls, lines;
  uint32_t instructions; /* of the last call, with -DREPLAY_CLOCK=FUNCTION: what it counts up meanwhile */
  int other; /* inside another core's part */
  char fault[160];
} replay;

/* One line of a trace; 0, or −1 with the fault in words. */
int replay_line(replay *r, const char *line);
void replay_end(replay *r);

#endif
