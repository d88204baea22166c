/* Semihosting, the same calls on both boards (Arm's "Semihosting for AArch32 and AArch64", which RISC-V took over). */
#include "board.h"

#include <string.h>

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { STOPPED_APPLICATION_EXIT = 0x20026, OPEN_READ_BINARY = 1, OPEN_WRITE_BINARY = 5 };

void board_print(const char *text) { board_semihost(SYS_WRITE0, (void *)(uintptr_t)text); }

void board_print_number(uint32_t number)
{
    char digits[11];
    char *at = digits + sizeof digits - 1;

    *at = 0;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    board_print(at);
}

void board_exit(int code)
{
    uintptr_t block[2] = { STOPPED_APPLICATION_EXIT, (uintptr_t)code };

    board_semihost(SYS_EXIT_EXTENDED, block);
    for (;;)
        ;
}

long board_open_file(const char *name, int writing)
{
    uintptr_t block[3] = { (uintptr_t)name, writing ? OPEN_WRITE_BINARY : OPEN_READ_BINARY, strlen(name) };

    return (long)(intptr_t)board_semihost(SYS_OPEN, block);
}

long board_read_file(long handle, void *bytes, size_t room)
{
    uintptr_t block[3] = { (uintptr_t)handle, (uintptr_t)bytes, room };
    uintptr_t left = board_semihost(SYS_READ, block); /* how many bytes were not read */

    return left > room ? -1 : (long)(room - left);
}

int board_write_file(long handle, const void *bytes, size_t count)
{
    uintptr_t block[3] = { (uintptr_t)handle, (uintptr_t)bytes, count };

    return board_semihost(SYS_WRITE, block) == 0 ? 0 : -1;
}

void board_close_file(long handle)
{
    uintptr_t block[1] = { (uintptr_t)handle };

    board_semihost(SYS_CLOSE, block);
}

enum { PATTERN = 0xa5, AHEAD = 256 }; /* the painter's own frame is spared */

void board_paint_stack(void)
{
    uint8_t *end = (uint8_t *)__builtin_frame_address(0) - AHEAD;

    for (uint8_t *at = board_stack_low; at < end; at++)
        *(volatile uint8_t *)at = PATTERN;
}

uint32_t board_stack_used(void)
{
    uint8_t *at = board_stack_low;

    while (at < board_stack_high && *at == PATTERN)
        at++;
    return (uint32_t)(board_stack_high - at);
}
