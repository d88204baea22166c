/* The task of a device: it moves bytes between client and link, and waits. What is sent when is the core's. */
#include "device.h"

#define ENTROPY_TRIES 50
#define ENTROPY_PAUSE_MS 100u

void tidelock_lock(struct esp_tidelock *device) {
  (void)xSemaphoreTakeRecursive(device->lock, portMAX_DELAY);
}

void tidelock_unlock(struct esp_tidelock *device) {
  (void)xSemaphoreGiveRecursive(device->lock);
}

static bool is_up(const struct esp_tidelock *device) {
  return device->link.socket >= 0;
}

/* Sends what the socket takes; false: the link is lost. */
static bool flush(struct esp_tidelock *device) {
  const uint8_t *bytes;
  uint32_t count;
  while ((bytes = tl_output(device->client, &count)) != NULL) {
    int sent = tidelock_link_write(&device->link, bytes, count);
    if (sent < 0) return false;
    if (sent == 0) return true;
    (void)tl_output_taken(device->client, (uint32_t)sent);
  }
  device->link.wants_write = false;
  return true;
}

/* Gives the client what came; it waits in `input` while the output must be taken first. false: the link is lost. */
static bool take(struct esp_tidelock *device) {
  while (!device->must_close) {
    uint32_t taken;
    if (device->input_at == device->input_bytes) {
      int got = tidelock_link_read(&device->link, device->input, sizeof device->input);
      if (got <= 0) return got == 0;
      device->input_at = 0;
      device->input_bytes = (uint32_t)got;
    }
    tl_status status = tl_receive(device->client, device->input + device->input_at, device->input_bytes - device->input_at, &taken, tidelock_now());
    device->input_at += taken;
    if (status < 0) return false;
    if (!flush(device)) return false;
    if (status == TL_MORE && device->link.wants_write) return true;
  }
  return true;
}

static void close_link(struct esp_tidelock *device) {
  tidelock_link_close(&device->link);
  device->input_at = device->input_bytes = 0;
  device->must_close = false;
}

static void lose_link(struct esp_tidelock *device) {
  close_link(device);
  (void)tl_disconnected(device->client, tidelock_now());
  device->must_close = false; /* told by the call before; nothing is open */
}

/* The core asks for its nonce now, so the radio runs: where it does not yet, a few moments are waited for it. */
static tl_status hello(struct esp_tidelock *device) {
  tl_status status = TL_E_ENTROPY;
  for (int i = 0; i < ENTROPY_TRIES && status == TL_E_ENTROPY && !device->stop; i++) {
    if (i > 0) tidelock_link_wait(&device->link, false, false, ENTROPY_PAUSE_MS);
    tidelock_lock(device);
    status = tl_connected(device->client, tidelock_now());
    tidelock_unlock(device);
  }
  return status;
}

/* Opens the link without the lock, so that no task waits for a name or a handshake. */
static void connect_link(struct esp_tidelock *device) {
  device->must_connect = false;
  (void)tidelock_post(device, TIDELOCK_EVENT_CONNECTING, NULL, 0);
  esp_err_t error = tidelock_link_open(&device->link, &device->address, &device->stop);
  if (error == ESP_OK) error = esp_tidelock_error(hello(device));
  tidelock_lock(device);
  device->link_error = error;
  if (error != ESP_OK) lose_link(device);
  device->link_error = ESP_OK;
  tidelock_unlock(device);
}

/* One turn under the lock; the ms until the next. */
static uint32_t turn(struct esp_tidelock *device) {
  if (is_up(device) && !take(device)) lose_link(device);
  int32_t wait = tl_poll(device->client, tidelock_now());
  if (wait < 0) {
    device->failure = esp_tidelock_error((tl_status)wait);
    return 0;
  }
  if (is_up(device) && !flush(device)) {
    lose_link(device);
    return 0;
  }
  if (device->must_close) close_link(device);
  return device->must_connect ? 0 : (uint32_t)wait;
}

static void end(struct esp_tidelock *device) {
  tidelock_lock(device);
  (void)tl_stop(device->client, tidelock_now());
  if (is_up(device)) (void)flush(device);
  close_link(device);
  device->must_connect = false;
  tidelock_unlock(device);
}

void tidelock_task(void *argument) {
  struct esp_tidelock *device = argument;
  tidelock_watch();
  tidelock_lock(device);
  tl_status status = tl_start(device->client, tidelock_now());
  tidelock_unlock(device);
  device->failure = esp_tidelock_error(status);
  while (!device->stop && device->failure == ESP_OK) {
    tidelock_lock(device);
    uint32_t wait = turn(device);
    tidelock_unlock(device);
    if (device->failure != ESP_OK) break;
    if (device->must_connect) connect_link(device);
    else tidelock_link_wait(&device->link, !device->link.wants_write, device->link.wants_write, wait);
  }
  end(device);
  (void)tidelock_post(device, TIDELOCK_EVENT_STOPPED, &device->failure, sizeof device->failure);
  tidelock_unwatch();
  xSemaphoreGive(device->ended);
  vTaskDelete(NULL);
}
