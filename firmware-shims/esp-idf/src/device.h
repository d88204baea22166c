/* A device: the client, its task and what both share. Everything below `lock` is touched under it, but for what the task alone uses. */
#ifndef TIDELOCK_DEVICE_H
#define TIDELOCK_DEVICE_H

#include "link.h"

#include "freertos/semphr.h"
#include "freertos/task.h"

#define TIDELOCK_INPUT_BYTES 512

/* A task that waits for the end of its message. */
typedef struct tidelock_waiter {
  struct tidelock_waiter *next;
  SemaphoreHandle_t ended;
  uint32_t ticket;
  tl_result result;
  bool told;
} tidelock_waiter;

struct esp_tidelock {
  uint64_t memory[TL_MEMORY_BYTES / 8];
  esp_tidelock_config_t config; /* its url, identity, key and pins are gone */
  tidelock_address address;
  void *outbox;
  void *parts;
  void *pool; /* of an interpreter */
  SemaphoreHandle_t lock; /* recursive: a call from inside on_message is refused by the client, and does not block */
  SemaphoreHandle_t ended;
  tl_client *client;
  tidelock_waiter *waiters;
  TaskHandle_t task; /* NULL: it does not run */
  volatile bool stop;
  /* the task's own */
  tidelock_link link;
  esp_err_t link_error; /* why the last try brought no link */
  esp_err_t failure;    /* why the task ends by itself */
  bool must_connect;
  bool must_close;
  uint32_t input_at, input_bytes;
  uint8_t input[TIDELOCK_INPUT_BYTES];
};

/* ---- events.c ---- */
/* The client's events, turned into the component's. */
tl_verdict tidelock_on_event(void *user, const tl_event *event);
/* Posts one without waiting; false: the loop has no room. */
bool tidelock_post(struct esp_tidelock *device, esp_tidelock_event_id_t id, const void *data, size_t bytes);

/* ---- task.c ---- */
void tidelock_task(void *device);

void tidelock_lock(struct esp_tidelock *device);
void tidelock_unlock(struct esp_tidelock *device);

#endif
