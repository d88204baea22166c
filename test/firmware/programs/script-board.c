/* Files of the host in the place of stdin and stdout; see script-board.h. */
#include "board.h"
#include "tidelock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef TL_ENGINE_WAMR
extern const uint8_t board_core[], board_core_end[];
static uint64_t pool[20000];

const tl_engine_options *script_engine(void)
{
    static tl_engine_options options;

    options = (tl_engine_options){ .wasm = board_core, .wasm_bytes = (uint32_t)(board_core_end - board_core), .pool = pool, .pool_bytes = sizeof pool, .stack_bytes = WASM_STACK };
    return &options;
}
#endif

static long input = -1, output = -1;
static char received[4096], waiting[8192];
static size_t received_at, received_bytes, waiting_bytes;

static void flush(void)
{
    if (output < 0) {
        board_init();
        input = board_open_file("in", 0);
        output = board_open_file("out", 1);
        if (input < 0 || output < 0)
            board_exit(6);
    }
    if (waiting_bytes > 0 && board_write_file(output, waiting, waiting_bytes) != 0)
        board_exit(5);
    waiting_bytes = 0;
}

int script_putchar(int c)
{
    if (waiting_bytes == sizeof waiting)
        flush();
    waiting[waiting_bytes++] = (char)c;
    return c;
}

int script_printf(const char *format, ...)
{
    char text[400];
    va_list rest;
    int n;

    va_start(rest, format);
    n = vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    if (n < 0 || n >= (int)sizeof text)
        board_exit(7);
    for (int i = 0; i < n; i++)
        script_putchar(text[i]);
    return n;
}

/* The host's program, main, ends at the end of its input: a board has nowhere to return to. */
char *script_gets(char *line, int room)
{
    int n = 0;

    flush();
    while (n < room - 1) {
        if (received_at == received_bytes) {
            long bytes = board_read_file(input, received, sizeof received);
            if (bytes <= 0)
                board_exit(n > 0 ? 8 : 0);
            received_at = 0;
            received_bytes = (size_t)bytes;
        }
        line[n] = received[received_at++];
        if (line[n++] == '\n')
            break;
    }
    line[n] = 0;
    return line;
}

/* One at a time is asked for. */
void *script_malloc(size_t bytes)
{
    static uint64_t memory[(1 << 16) / 8 + 1];

    if (bytes > sizeof memory)
        board_exit(10);
    return memory;
}
