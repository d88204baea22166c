/*
 * What c/script.c asks of the C library, by a board: commands come from the file `in` of the host's working folder, answers go to the
 * file `out`. Included before it by the compiler's command line.
 */
#ifndef SCRIPT_BOARD_H
#define SCRIPT_BOARD_H

#include <stdio.h>
#include <stdlib.h>

int script_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int script_putchar(int c);
char *script_gets(char *line, int room);
void *script_malloc(size_t bytes);

#undef putchar
#define printf script_printf
#define putchar(c) script_putchar(c)
#define fgets(line, room, file) script_gets(line, room)
#define fflush(file) ((void)0)
#define malloc(bytes) script_malloc(bytes)
#define free(memory) ((void)(memory))
#define abort() board_exit(9)

void board_exit(int code);

#endif
