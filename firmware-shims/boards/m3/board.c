/* QEMU's mps2-an385, a Cortex-M3 at 25 MHz: CMSDK's UART 0 and timers 0 (free-running) and 1 (ends a wait). */
#include "board.h"

#define WORD(address) (*(volatile uint32_t *)(address))

enum { TIMER0 = 0x40000000, TIMER1 = 0x40001000, TIMER_CTRL = 0, TIMER_VALUE = 4, TIMER_RELOAD = 8, TIMER_CLEAR = 12 };
enum { TIMER_ON = 1, TIMER_INTERRUPT = 8, TICKS_PER_MS = 25000, INSTRUCTIONS_PER_TICK = 40 };
enum { UART = 0x40004000, UART_STATE = 4, UART_CTRL = 8, UART_CLEAR = 12, UART_BAUD = 16, TX_FULL = 1, RX_FULL = 2 };
enum { NVIC_ENABLE = 0xe000e100, NVIC_CLEAR = 0xe000e280, IRQ_UART0_RX = 1 << 0, IRQ_TIMER1 = 1 << 9 };

static uint32_t last, high, rest;

static uint32_t ticks(void) { return 0xffffffff - WORD(TIMER0 + TIMER_VALUE); }

void board_init(void)
{
    WORD(TIMER0 + TIMER_VALUE) = 0xffffffff;
    WORD(TIMER0 + TIMER_RELOAD) = 0xffffffff;
    WORD(TIMER0 + TIMER_CTRL) = TIMER_ON;
    WORD(UART + UART_BAUD) = 16;
    WORD(UART + UART_CTRL) = 1 | 2 | 8; /* send, receive, a received byte ends a wfi */
    /* Interrupts are never taken: a pending one only ends wfi. */
    __asm__ volatile("cpsid i");
    WORD(NVIC_ENABLE) = IRQ_UART0_RX | IRQ_TIMER1;
}

int board_getc(void) { return WORD(UART + UART_STATE) & RX_FULL ? (int)(WORD(UART) & 0xff) : -1; }

void board_putc(uint8_t byte)
{
    while (WORD(UART + UART_STATE) & TX_FULL)
        ;
    WORD(UART) = byte;
}

uint32_t board_ms(void)
{
    uint32_t now = ticks(), passed = now - last + rest;

    last = now;
    high += passed / TICKS_PER_MS;
    rest = passed % TICKS_PER_MS;
    return high;
}

void board_wait(uint32_t ms)
{
    if (ms == 0)
        return;
    WORD(TIMER1 + TIMER_CTRL) = 0;
    WORD(TIMER1 + TIMER_RELOAD) = 0;
    WORD(TIMER1 + TIMER_VALUE) = ms * TICKS_PER_MS;
    WORD(TIMER1 + TIMER_CTRL) = TIMER_ON | TIMER_INTERRUPT;
    if (!(WORD(UART + UART_STATE) & RX_FULL))
        __asm__ volatile("wfi");
    WORD(TIMER1 + TIMER_CTRL) = 0;
    WORD(TIMER1 + TIMER_CLEAR) = 1;
    WORD(UART + UART_CLEAR) = 2;
    WORD(NVIC_CLEAR) = IRQ_UART0_RX | IRQ_TIMER1;
}

uint32_t board_instructions(void) { return ticks() * INSTRUCTIONS_PER_TICK; }
