/* A trace on stdin, done again by the engine of this build: "N calls", or the first fault and exit code 1. */
#include <stdio.h>
#include <stdlib.h>

#include "replay.h"

#ifdef TL_ENGINE_WAMR
extern const tl_engine_options *script_engine(void);
#else
#define script_engine() NULL
#endif

int main(void) {
  static char line[1 << 18];
  uint32_t bytes = tl_engine_bytes();
  replay r = {.memory = malloc(bytes), .memory_bytes = bytes, .options = script_engine()};
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (replay_line(&r, line) != 0) break;
  }
  replay_end(&r);
  free(r.memory);
  if (r.fault[0] != 0) return printf("%s\n", r.fault), 1;
  printf("%lu calls\n", (unsigned long)r.calls);
  return 0;
}
