#ifndef SENSOR_WIFI_H
#define SENSOR_WIFI_H

#include <stdbool.h>
#include <stdint.h>

/* Starts the station and waits until it has an address; false: it has none after so many ms. It connects again by itself. */
bool wifi_up(uint32_t timeout_ms);
/* Turns the radio off. */
void wifi_down(void);

#endif
