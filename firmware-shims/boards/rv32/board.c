/* QEMU's virt, an rv32imc of the class of an ESP32-C3: 16550 UART, CLINT's mtime at 10 MHz, PLIC for the UART's wake-up. */
#include "board.h"

#define BYTE(address) (*(volatile uint8_t *)(address))
#define WORD(address) (*(volatile uint32_t *)(address))

enum { UART = 0x10000000, UART_IER = 1, UART_FCR = 2, UART_LSR = 5, DATA_READY = 1, TAKES_BYTE = 0x20 };
enum { PLIC = 0x0c000000, UART_IRQ = 10, PLIC_ENABLE = 0x2000, PLIC_CLAIM = 0x200004 };
enum { MTIMECMP = 0x02004000, MTIME = 0x0200bff8, TICKS_PER_MS = 10000 };
enum { MIE_TIMER = 1 << 7, MIE_EXTERNAL = 1 << 11 };

static uint64_t ticks(void)
{
    uint32_t high, low;

    do {
        high = WORD(MTIME + 4);
        low = WORD(MTIME);
    } while (high != WORD(MTIME + 4));
    return (uint64_t)high << 32 | low;
}

void board_init(void)
{
    BYTE(UART + UART_FCR) = 7; /* queues on and empty */
    BYTE(UART + UART_IER) = 1; /* a received byte ends a wfi */
    WORD(PLIC + 4 * UART_IRQ) = 1;
    WORD(PLIC + PLIC_ENABLE) = 1u << UART_IRQ;
    /* Interrupts are never taken (mstatus.MIE is 0): a pending one only ends wfi. */
    __asm__ volatile("csrw mie, %0" : : "r"(MIE_TIMER | MIE_EXTERNAL));
}

int board_getc(void) { return BYTE(UART + UART_LSR) & DATA_READY ? BYTE(UART) : -1; }

void board_putc(uint8_t byte)
{
    while (!(BYTE(UART + UART_LSR) & TAKES_BYTE))
        ;
    BYTE(UART) = byte;
}

uint32_t board_ms(void) { return (uint32_t)(ticks() / TICKS_PER_MS); }

void board_wait(uint32_t ms)
{
    uint64_t end = ticks() + (uint64_t)ms * TICKS_PER_MS;
    uint32_t claimed;

    WORD(MTIMECMP + 4) = 0xffffffff;
    WORD(MTIMECMP) = (uint32_t)end;
    WORD(MTIMECMP + 4) = (uint32_t)(end >> 32);
    if (!(BYTE(UART + UART_LSR) & DATA_READY))
        __asm__ volatile("wfi");
    while ((claimed = WORD(PLIC + PLIC_CLAIM)) != 0)
        WORD(PLIC + PLIC_CLAIM) = claimed;
}

uint32_t board_instructions(void)
{
    uint32_t count;

    __asm__ volatile("csrr %0, minstret" : "=r"(count));
    return count;
}
