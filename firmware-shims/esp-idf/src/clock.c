/* Time and wiping. */
#include "port.h"

#include "esp_timer.h"

uint32_t tidelock_now(void) {
  /* esp_timer is set forward by the time that light sleep took; FreeRTOS's ticks need not be. */
  return (uint32_t)((uint64_t)esp_timer_get_time() / 1000u);
}

void tidelock_wipe(void *memory, size_t bytes) {
  volatile uint8_t *p = (volatile uint8_t *)memory;
  while (bytes-- > 0) *p++ = 0;
}
