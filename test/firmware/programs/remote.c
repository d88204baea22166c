/*
 * A core on this board, driven by test/firmware/remote.ts through two pipes, `in` and `out` in the host's
 * working folder: by semihosting, since QEMU's UARTs take a byte at a time, 0.1 ms each. All numbers are little-endian.
 *   'O'                                                  opens the engine anew: status i32, memory's size u32, then its contents
 *   'E' length u8, name                                  an export's handle: i32
 *   'C' handle u8, count u8, arguments u32 each, repeats u32, writes; calls it that often: status i32, result u32, changes
 * Writes and changes are runs: address u32, bytes u16, contents; a run of no bytes ends them.
 */
#include "board.h"
#include "engine.h"

#include <string.h>

#ifdef TL_ENGINE_WAMR
extern const uint8_t board_core[], board_core_end[];
static uint64_t pool[40000];
#endif
static uint64_t place[10240];
static uint8_t shadow[80 * 1024];
static tl_engine *engine;

static long input, output;
static uint8_t received[4096], waiting[4096];
static size_t received_at, received_bytes, waiting_bytes;

static void flush(void)
{
    if (board_write_file(output, waiting, waiting_bytes) != 0)
        board_exit(5);
    waiting_bytes = 0;
}

static uint8_t take(void)
{
    if (received_at == received_bytes) {
        long bytes;

        flush();
        bytes = board_read_file(input, received, sizeof received);
        if (bytes <= 0)
            board_exit(0);
        received_at = 0;
        received_bytes = (size_t)bytes;
    }
    return received[received_at++];
}

static void put(uint8_t byte)
{
    waiting[waiting_bytes++] = byte;
    if (waiting_bytes == sizeof waiting)
        flush();
}

static uint32_t take_number(int bytes)
{
    uint32_t number = 0;

    for (int i = 0; i < bytes; i++)
        number |= (uint32_t)take() << 8 * i;
    return number;
}

static void give(uint32_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        put((uint8_t)(number >> 8 * i));
}

static void open_engine(void)
{
    tl_engine_options options;
    uint32_t bytes = 0;
    tl_status status;
    uint8_t *memory = NULL;

    memset(&options, 0, sizeof options);
#ifdef TL_ENGINE_WAMR
    options.wasm = board_core;
    options.wasm_bytes = (uint32_t)(board_core_end - board_core);
    options.pool = pool;
    options.pool_bytes = sizeof pool;
    options.stack_bytes = 4096; /* frames are larger with 64-bit pointers */
#endif
    tl_engine_close(engine);
    status = tl_engine_open(&engine, place, sizeof place, &options);
    if (status == TL_OK)
        memory = tl_engine_memory(engine, &bytes);
    if (bytes > sizeof shadow)
        board_exit(2);
    give((uint32_t)status, 4);
    give(bytes, 4);
    for (uint32_t i = 0; i < bytes; i++)
        put(shadow[i] = memory[i]);
}

/* Most changes are few and near: a run goes on over up to 8 equal bytes. */
static void give_changes(void)
{
    uint32_t bytes;
    uint8_t *memory = tl_engine_memory(engine, &bytes);
    uint32_t at = 0;

    while (at < bytes) {
        uint32_t end, next;

        if (at + 64 <= bytes && memcmp(memory + at, shadow + at, 64) == 0) {
            at += 64;
            continue;
        }
        if (memory[at] == shadow[at]) {
            at++;
            continue;
        }
        for (end = next = at; next < bytes && next < end + 8 && next - at < 0xff00; next++)
            if (memory[next] != shadow[next])
                end = next + 1;
        give(at, 4);
        give(end - at, 2);
        for (; at < end; at++)
            put(shadow[at] = memory[at]);
    }
    give(0, 4);
    give(0, 2);
}

static void call(void)
{
    uint32_t arguments[TL_ENGINE_ARGUMENTS], bytes, count, repeats, result = 0;
    uint8_t *memory = tl_engine_memory(engine, &bytes);
    int function = take();
    tl_status status = TL_OK;

    count = take();
    if (count > TL_ENGINE_ARGUMENTS)
        board_exit(3);
    for (uint32_t i = 0; i < count; i++)
        arguments[i] = take_number(4);
    repeats = take_number(4);
    for (;;) {
        uint32_t at = take_number(4), length = take_number(2);

        if (length == 0)
            break;
        if (at > bytes || length > bytes - at)
            board_exit(4);
        while (length-- > 0)
            memory[at] = shadow[at] = take(), at++;
    }
    while (repeats-- > 0 && status == TL_OK)
        status = tl_engine_call(engine, function, arguments, count, &result);
    give((uint32_t)status, 4);
    give(result, 4);
    give_changes();
}

int main(void)
{
    char name[65];

    board_init();
    input = board_open_file("in", 0);
    output = board_open_file("out", 1);
    for (;;) {
        switch (take()) {
        case 'O':
            open_engine();
            break;
        case 'E':
            memset(name, 0, sizeof name);
            for (int left = take(), at = 0; left > 0; left--)
                name[at < 64 ? at++ : 64] = (char)take();
            name[64] = 0;
            give((uint32_t)tl_engine_export(engine, name), 4);
            break;
        case 'C':
            call();
            break;
        default:
            board_exit(1);
        }
    }
}
