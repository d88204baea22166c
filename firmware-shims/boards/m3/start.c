/* Cortex-M3: vector table, .data, .bss, main. */
#include "board.h"

#include <string.h>

extern uint8_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);

void board_reset(void);
void board_reset(void)
{
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    board_exit(main());
}

static void fault(void) { board_exit(99); }

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    board_stack_high, (const void *)board_reset, (const void *)fault, (const void *)fault, (const void *)fault, (const void *)fault,
    (const void *)fault,
};

__attribute__((naked)) uintptr_t board_semihost(uintptr_t operation, void *block)
{
    (void)operation;
    (void)block;
    __asm__ volatile("bkpt 0xab\n bx lr");
}
