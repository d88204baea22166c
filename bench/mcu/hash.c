/* Blocks of SHA-256 alone: the core's through an export of its test twin, or firmware's own. Prints `sha256 = N 0`, N a block. */
#include "board.h"
#ifdef BENCH_NATIVE
#include "hal.h"
#else
#include "engine.h"
#endif

enum { ROUNDS = 16 };

int main(void) {
  uint32_t from, overhead, spent = 0;
  board_init();
  from = board_instructions();
  overhead = board_instructions() - from;
#ifdef BENCH_NATIVE
  uint32_t state[8] = { 0 };
  uint8_t block[64] = { 0 };
  for (int i = 0; i < ROUNDS; i++) {
    from = board_instructions();
    tl_hal_sha256_blocks(state, block, 64);
    spent += board_instructions() - from - overhead;
  }
#else
  static uint64_t memory[1024];
  const tl_engine_options *how = NULL;
  tl_engine *engine;
  uint32_t result;
#ifdef TL_ENGINE_WAMR
  extern const uint8_t board_core[], board_core_end[];
  static uint64_t pool[20000];
  const tl_engine_options options = { board_core, (uint32_t)(board_core_end - board_core), pool, sizeof pool, 2048 };
  how = &options;
#endif
  if (tl_engine_open(&engine, memory, sizeof memory, how) != TL_OK) return 1;
  if (tl_engine_call(engine, tl_engine_export(engine, "shaBegin"), NULL, 0, &result) != TL_OK) return 2;
  int update = tl_engine_export(engine, "shaUpdate");
  const uint32_t arguments[2] = { 64, 64 }; /* any 64 bytes */
  for (int i = 0; i < ROUNDS; i++) {
    from = board_instructions();
    if (tl_engine_call(engine, update, arguments, 2, &result) != TL_OK) return 3;
    spent += board_instructions() - from - overhead;
  }
#endif
  board_print("sha256 = ");
  board_print_number(spent / ROUNDS);
  board_print(" 0\n");
  return 0;
}
