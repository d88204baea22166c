/*
 * Instructions of a session's calls on a board: does the trace in the file `in` of the host's working folder (bench/mcu/scene.ts), so
 * that every result and the whole memory are checked, and prints "NAME INSTRUCTIONS STACK" for each call whose line begins with "!".
 */
#include "board.h"
#include "replay.h"

#include <string.h>

#ifdef TL_ENGINE_WAMR
#ifndef WASM_STACK
#define WASM_STACK 2048
#endif
#ifndef POOL_BYTES
#define POOL_BYTES 160000
#endif
extern const uint8_t board_core[], board_core_end[];
static uint64_t pool[POOL_BYTES / 8];
static tl_engine_options options;
#endif
static uint64_t place[(TL_ENGINE_BYTES + 7) / 8];
static char text[65536];
static replay r = {.memory = place, .memory_bytes = sizeof place};

static void work(const char *line)
{
    const char *rest = line[0] == '!' ? line + 1 : line;

    board_paint_stack();
    if (replay_line(&r, rest) != 0) {
        board_print(r.fault);
        board_exit(1);
    }
    if (line[0] != '!') return;
    board_print(line + 1);
    board_print(" = ");
    board_print_number(r.instructions);
    board_print(" ");
    board_print_number(board_stack_used());
    board_print("\n");
}

int main(void)
{
    size_t bytes = 0;
    long file, got;

    board_init();
    file = board_open_file("in", 0);
#ifdef TL_ENGINE_WAMR
    options = (tl_engine_options){.wasm = board_core, .wasm_bytes = (uint32_t)(board_core_end - board_core), .pool = pool, .pool_bytes = sizeof pool, .stack_bytes = WASM_STACK};
    r.options = &options;
#endif
    while ((got = board_read_file(file, text + bytes, sizeof text - 1 - bytes)) > 0) bytes += (size_t)got;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        work(line);
    }
    board_exit(0);
    return 0;
}
