/*
 * A board's UART as a modem, with one escape: FF FF is the byte FF; FF 'C' and FF 'X' from the board mean connect and hang up; FF 'U' and
 * FF 'D' to it mean that the link is up and down. So the link's state comes in order with the data.
 */
#ifndef TIDELOCK_MODEM_H
#define TIDELOCK_MODEM_H

#include <stdint.h>

void modem_connect(void);
void modem_hang_up(void);
void modem_write(const uint8_t *bytes, uint32_t count);
/* Bytes that have come, at most `room`; *event is 'U' or 'D' where the link's state changed behind them, else 0. */
uint32_t modem_read(uint8_t *bytes, uint32_t room, char *event);

#endif
