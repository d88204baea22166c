/* What a program asks of a board in QEMU. One UART, one clock, and the machine around it by semihosting. */
#ifndef TIDELOCK_BOARD_H
#define TIDELOCK_BOARD_H

#include <stddef.h>
#include <stdint.h>

/* Call first. */
void board_init(void);
/* The next received byte, or -1. */
int board_getc(void);
/* Waits until the UART takes it. */
void board_putc(uint8_t byte);
/* Milliseconds since the start, modulo 2^32. Must be called at least once in 170 s. */
uint32_t board_ms(void);
/* Sleeps until a byte comes or `ms` milliseconds are over, at most 100 s; may wake early. */
void board_wait(uint32_t ms);
/* Instructions since the start, modulo 2^32, under -icount shift=0; on the Cortex-M3 in steps of 40. */
uint32_t board_instructions(void);
/* One semihosting call; the host's answer. */
uintptr_t board_semihost(uintptr_t operation, void *block);

/* The whole stack lies between these. */
extern uint8_t board_stack_low[], board_stack_high[];

/* Text for the one who watches: goes to QEMU's semihosting console. */
void board_print(const char *text);
void board_print_number(uint32_t number);
/* Ends QEMU with this exit code. */
void board_exit(int code);
/* A handle of a file in the host's working folder, or -1. */
long board_open_file(const char *name, int writing);
/* At most `room` bytes: how many, 0 at the end, or -1. Waits where the file is a pipe. */
long board_read_file(long handle, void *bytes, size_t room);
/* All of the bytes: 0, or -1. */
int board_write_file(long handle, const void *bytes, size_t count);
void board_close_file(long handle);

/* Writes a pattern over the free stack; then tells how many bytes of the stack were ever used since. */
void board_paint_stack(void);
uint32_t board_stack_used(void);

#endif
