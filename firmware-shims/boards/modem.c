/* The escapes of modem.h. */
#include "modem.h"

#include "board.h"

enum { ESCAPE = 0xff };

static void control(char what) {
  board_putc(ESCAPE);
  board_putc((uint8_t)what);
}

void modem_connect(void) { control('C'); }
void modem_hang_up(void) { control('X'); }

void modem_write(const uint8_t *bytes, uint32_t count) {
  for (; count > 0; count--, bytes++) {
    if (*bytes == ESCAPE) board_putc(ESCAPE);
    board_putc(*bytes);
  }
}

uint32_t modem_read(uint8_t *bytes, uint32_t room, char *event) {
  static int escaped;
  uint32_t count = 0;
  int byte;
  *event = 0;
  while (count < room && (byte = board_getc()) >= 0) {
    if (!escaped && byte == ESCAPE) {
      escaped = 1;
      continue;
    }
    if (escaped && byte != ESCAPE) {
      escaped = 0;
      *event = (char)byte;
      return count;
    }
    escaped = 0;
    bytes[count++] = (uint8_t)byte;
  }
  return count;
}
