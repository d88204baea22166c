/* Stand-in for bootloader_support/include/bootloader_random.h. */
#pragma once
void bootloader_random_enable(void);
void bootloader_random_disable(void);
