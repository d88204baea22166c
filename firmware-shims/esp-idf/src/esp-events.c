/* Events of the client as events of ESP-IDF. They are told from inside a call of the client, so nothing here waits. */
#include "device.h"

#include <string.h>

#include "esp_heap_caps.h"

ESP_EVENT_DEFINE_BASE(TIDELOCK_EVENT);

bool tidelock_post(struct esp_tidelock *device, esp_tidelock_event_id_t id, const void *data, size_t bytes) {
  if (device->config.loop != NULL) return esp_event_post_to(device->config.loop, TIDELOCK_EVENT, id, data, bytes, 0) == ESP_OK;
  return esp_event_post(TIDELOCK_EVENT, id, data, bytes, 0) == ESP_OK;
}

static void result(struct esp_tidelock *device, const tl_event *event) {
  const esp_tidelock_result_t data = {.ticket = event->id, .result = (tl_result)event->why};
  for (tidelock_waiter *waiter = device->waiters; waiter != NULL; waiter = waiter->next) {
    if (waiter->ticket != event->id) continue;
    waiter->result = data.result;
    waiter->told = true;
    xSemaphoreGive(waiter->ended);
  }
  (void)tidelock_post(device, TIDELOCK_EVENT_RESULT, &data, sizeof data);
}

/* A copy that ends with body and topic, as the application gets it; it comes again where there is no memory for it. */
static tl_verdict message(struct esp_tidelock *device, const tl_event *event) {
  tl_verdict verdict = TL_AGAIN;
  size_t bytes = sizeof(esp_tidelock_message_t) + event->bytes + event->topic_bytes + 1u;
  esp_tidelock_message_t *copy = heap_caps_malloc(bytes, MALLOC_CAP_8BIT);
  if (copy == NULL) return TL_AGAIN;
  copy->id = event->id;
  copy->repeat = event->repeat;
  copy->trust = event->trust;
  copy->topic_bytes = event->topic_bytes;
  copy->bytes = event->bytes;
  if (event->bytes != 0) memcpy(copy->body, event->body, event->bytes);
  if (event->topic_bytes != 0) memcpy(copy->body + event->bytes, event->topic, event->topic_bytes);
  copy->body[event->bytes + event->topic_bytes] = 0;
  if (device->config.on_message != NULL) verdict = device->config.on_message(device->config.user, copy);
  else if (tidelock_post(device, TIDELOCK_EVENT_MESSAGE, copy, bytes)) verdict = TL_TAKE;
  tidelock_wipe(copy, bytes);
  heap_caps_free(copy);
  return verdict;
}

tl_verdict tidelock_on_event(void *user, const tl_event *event) {
  struct esp_tidelock *device = user;
  const esp_tidelock_online_t online = {.session = event->id, .suite = event->why};
  const esp_tidelock_offline_t offline = {.error = device->link_error, .why = event->why, .detail = event->detail, .retry_ms = event->ms};
  const esp_tidelock_refused_t refused = {.why = event->why, .type = (uint8_t)event->detail};
  switch (event->kind) {
    case TL_EV_CONNECT:
      device->must_connect = true;
      return TL_TAKE;
    case TL_EV_DISCONNECT:
      device->must_close = true;
      (void)tidelock_post(device, TIDELOCK_EVENT_OFFLINE, &offline, sizeof offline);
      return TL_TAKE;
    case TL_EV_ONLINE:
      (void)tidelock_post(device, TIDELOCK_EVENT_ONLINE, &online, sizeof online);
      return TL_TAKE;
    case TL_EV_MESSAGE:
      return message(device, event);
    case TL_EV_RESULT:
      result(device, event);
      return TL_TAKE;
    case TL_EV_REFUSED:
      (void)tidelock_post(device, TIDELOCK_EVENT_REFUSED, &refused, sizeof refused);
      return TL_TAKE;
    default:
      return TL_TAKE;
  }
}
