/*
 * What lies one byte beyond the linear memory is out of reach: the twin's wipe (stores), equal (loads) and chachaXor (both) are
 * given addresses at the very end. A line each: NAME ADDRESS BYTES STATUS, then whether the bytes around the memory are whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#ifdef TL_ENGINE_WAMR
extern const tl_engine_options *script_engine(void);
#else
#define script_engine() NULL
#endif

static int run(const char *name, uint32_t from_end, uint32_t count) {
  uint32_t bytes = tl_engine_bytes(), size = 0, result = 0;
  uint8_t *block = malloc(bytes + 64);
  tl_engine *engine;
  memset(block, 0x5a, bytes + 64);
  if (tl_engine_open(&engine, block, bytes, script_engine()) != TL_OK) return printf("no engine\n"), 1;
  (void)tl_engine_memory(engine, &size);
  uint32_t at = size - from_end;
  const uint32_t equal[3] = {at, 0, count}, two[2] = {at, count};
  int function = tl_engine_export(engine, name);
  tl_status status = strcmp(name, "equal") == 0 ? tl_engine_call(engine, function, equal, 3, &result) : tl_engine_call(engine, function, two, 2, &result);
  tl_status again = tl_engine_call(engine, tl_engine_export(engine, "abi_version"), two, 0, &result);
  int whole = 1;
  for (uint32_t i = 0; i < 64; i++) whole &= block[bytes + i] == 0x5a;
  printf("%s %lu %lu %d %d %s\n", name, (unsigned long)from_end, (unsigned long)count, (int)status, (int)again, whole ? "whole" : "SPOILED");
  tl_engine_close(engine);
  free(block);
  return 0;
}

int main(void) {
  static const char *const names[] = {"wipe", "equal", "chachaXor"};
  for (int i = 0; i < 3; i++) {
    if (run(names[i], 4, 4) || run(names[i], 4, 5) || run(names[i], 0, 1)) return 1;
    if (run(names[i], 0x80000000u, 4)) return 1; /* far outside */
  }
  return 0;
}
