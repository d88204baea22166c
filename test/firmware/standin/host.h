/* What a program that runs the component on this machine gives and gets. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
/* after FreeRTOS's types */
#include "esp_event.h"

/* A thread needs more than a FreeRTOS task: the C library's own. */
#define HOST_STACK_MORE (256u * 1024u)

/* What an empty task takes of its stack here: a thread's own. */
uint32_t host_empty_stack(void);
/* Gets each event that the component posts; false: the loop has no room. */
bool host_on_event(esp_event_base_t base, int32_t id, const void *data, size_t bytes);
