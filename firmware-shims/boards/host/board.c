/* The host in a board's place: standard input and output are the UART, standard error the console. */
#include "board.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

uint8_t board_stack_low[1], board_stack_high[1];

void board_init(void) {}

static int readable(int ms)
{
    struct pollfd input = { STDIN_FILENO, POLLIN, 0 };

    return poll(&input, 1, ms) > 0;
}

int board_getc(void)
{
    uint8_t byte;

    if (!readable(0))
        return -1;
    if (read(STDIN_FILENO, &byte, 1) != 1)
        exit(0); /* the one at the other end is gone */
    return byte;
}

void board_putc(uint8_t byte)
{
    if (write(STDOUT_FILENO, &byte, 1) != 1)
        exit(1);
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint32_t board_ms(void) { return (uint32_t)(nanoseconds(CLOCK_MONOTONIC) / 1000000); }
void board_wait(uint32_t ms) { readable((int)ms); }
uint32_t board_instructions(void) { return 0; }
void board_print(const char *text) { fputs(text, stderr); }
void board_print_number(uint32_t number) { fprintf(stderr, "%u", (unsigned)number); }
void board_exit(int code) { exit(code); }

long board_open_file(const char *name, int writing) { return open(name, writing ? O_WRONLY : O_RDONLY); }
long board_read_file(long handle, void *bytes, size_t room) { return read((int)handle, bytes, room); }

int board_write_file(long handle, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;

    while (count > 0) {
        ssize_t written = write((int)handle, at, count);

        if (written < 0)
            return -1;
        at += written;
        count -= (size_t)written;
    }
    return 0;
}

void board_close_file(long handle) { close((int)handle); }

void board_paint_stack(void) {}
uint32_t board_stack_used(void) { return 0; }
