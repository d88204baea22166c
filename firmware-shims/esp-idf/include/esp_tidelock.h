/*
 * Tidelock as a component of ESP-IDF, over tidelock.h: one task that owns client, socket and TLS; statuses as esp_err_t, events as
 * esp_event. Every function here may be called from every task, but none from an interrupt.
 *
 * The answer to a message is given by a function of the application (on_message), in the component's task: a call of this API for the
 * same device from inside it returns ESP_ERR_TIDELOCK_REENTRANT. Handlers of esp_event run in their loop's task and may call anything.
 */
#ifndef ESP_TIDELOCK_H
#define ESP_TIDELOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "freertos/FreeRTOS.h"

#include "esp_err.h"
#include "esp_event.h"
#include "tidelock.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors. A tl_status becomes the ESP_ERR_* that says the same, or one of these. ---- */
#define ESP_ERR_TIDELOCK_BASE 0x7100
#define ESP_ERR_TIDELOCK_URL (ESP_ERR_TIDELOCK_BASE + 1)           /* not tidelock://host[:port] or tidelocks://host[:port] */
#define ESP_ERR_TIDELOCK_PIN (ESP_ERR_TIDELOCK_BASE + 2)           /* a pin is not sha256/ and 44 characters of base64 */
#define ESP_ERR_TIDELOCK_TRUST (ESP_ERR_TIDELOCK_BASE + 3)         /* tidelocks:// without ca, bundle or pin: nobody would be believed */
#define ESP_ERR_TIDELOCK_REENTRANT (ESP_ERR_TIDELOCK_BASE + 4)     /* called from inside on_message */
#define ESP_ERR_TIDELOCK_ENTROPY (ESP_ERR_TIDELOCK_BASE + 5)       /* no true randomness: is the radio on? */
#define ESP_ERR_TIDELOCK_ENGINE (ESP_ERR_TIDELOCK_BASE + 6)        /* the engine could not load or run the core */
#define ESP_ERR_TIDELOCK_TRAP (ESP_ERR_TIDELOCK_BASE + 7)          /* the core trapped: destroy, create anew */
#define ESP_ERR_TIDELOCK_OUTBOX_FULL (ESP_ERR_TIDELOCK_BASE + 8)   /* no room for this message now */
#define ESP_ERR_TIDELOCK_RESOLVE (ESP_ERR_TIDELOCK_BASE + 9)       /* the host's name was not found */
#define ESP_ERR_TIDELOCK_CONNECT (ESP_ERR_TIDELOCK_BASE + 10)      /* nobody listens there, or no way leads there */
#define ESP_ERR_TIDELOCK_TLS (ESP_ERR_TIDELOCK_BASE + 11)          /* the TLS handshake failed */
#define ESP_ERR_TIDELOCK_CERTIFICATE (ESP_ERR_TIDELOCK_BASE + 12)  /* the gateway's certificate is not believed: nothing was sent */
#define ESP_ERR_TIDELOCK_NOT_DELIVERED (ESP_ERR_TIDELOCK_BASE + 13) /* the message ended otherwise: see its tl_result */

/* The esp_err_t of a status. */
esp_err_t esp_tidelock_error(tl_status status);
/* The name of an error of this component, or what esp_err_to_name knows. */
const char *esp_tidelock_err_to_name(esp_err_t error);

/* ---- Events ---- */
ESP_EVENT_DECLARE_BASE(TIDELOCK_EVENT);

typedef enum esp_tidelock_event_id {
  TIDELOCK_EVENT_CONNECTING, /* a link is being opened; no data */
  TIDELOCK_EVENT_ONLINE,     /* a session stands; esp_tidelock_online_t */
  TIDELOCK_EVENT_OFFLINE,    /* no session, or none came about; esp_tidelock_offline_t */
  TIDELOCK_EVENT_MESSAGE,    /* only without on_message; esp_tidelock_message_t. It is acknowledged when the event loop has it */
  TIDELOCK_EVENT_RESULT,     /* a queued message has ended; esp_tidelock_result_t */
  TIDELOCK_EVENT_REFUSED,    /* a frame was refused; esp_tidelock_refused_t */
  TIDELOCK_EVENT_STOPPED     /* the task has ended; esp_err_t: ESP_OK after esp_tidelock_stop */
} esp_tidelock_event_id_t;

typedef struct esp_tidelock_online {
  uint32_t session; /* its number */
  uint8_t suite;    /* TL_SUITE_* */
} esp_tidelock_online_t;

typedef struct esp_tidelock_offline {
  esp_err_t error;    /* why no link came about; ESP_OK where one stood */
  uint8_t why;        /* TL_ABI_DOWN_* */
  uint16_t detail;    /* refusal or CLOSE reason */
  int32_t retry_ms;   /* until the next try */
} esp_tidelock_offline_t;

typedef struct esp_tidelock_message {
  uint32_t id;    /* 0: its sender wants no acknowledgement */
  bool repeat;    /* it may have been acted on before */
  uint8_t trust;  /* under a topic: how its sender was known to the gateway, TL_ABI_TRUST_* */
  uint8_t topic_bytes;
  uint32_t bytes;
  uint8_t body[]; /* valid during the call; the topic and a zero byte stand behind it */
} esp_tidelock_message_t;

/* The topic, UTF-8 that ends with a zero byte; NULL: under none. */
static inline const char *esp_tidelock_topic(const esp_tidelock_message_t *message) {
  return message->topic_bytes == 0 ? NULL : (const char *)message->body + message->bytes;
}

typedef struct esp_tidelock_result {
  uint32_t ticket;
  tl_result result;
} esp_tidelock_result_t;

typedef struct esp_tidelock_refused {
  uint8_t why;  /* TL_ABI_REFUSED_* */
  uint8_t type; /* its type byte */
} esp_tidelock_refused_t;

/* ---- A device ---- */

/* Where the core's 8 bytes lie that tell after a restart which message was taken last. */
typedef enum esp_tidelock_record {
  ESP_TIDELOCK_RECORD_NONE, /* nowhere: a command under way while the chip restarts is in doubt at the gateway */
  ESP_TIDELOCK_RECORD_NVS,  /* flash, before every acknowledgement of a command: survives the loss of power */
  ESP_TIDELOCK_RECORD_RTC   /* esp_tidelock_rtc_t in RTC memory: survives deep sleep, costs no flash */
} esp_tidelock_record_t;

/* RTC_DATA_ATTR static esp_tidelock_rtc_t record; */
typedef struct esp_tidelock_rtc {
  uint8_t record[8];
  bool kept;
} esp_tidelock_rtc_t;

/* Whom the device believes on tidelocks://. As docs/tls.md says: ca or bundle alone, pins alone, or both. */
typedef struct esp_tidelock_tls {
  const char *ca_pem;      /* authorities, PEM with its zero byte; stays the caller's and must outlive the device */
  bool bundle;             /* ESP-IDF's bundle of authorities (CONFIG_MBEDTLS_CERTIFICATE_BUNDLE) */
  const char *pins[2];     /* "sha256/…" of the public key of the gateway's own certificate; now and next */
  const char *server_name; /* the name in the certificate; NULL: the host of the address */
} esp_tidelock_tls_t;

/* Set all to zero, then what is needed. Strings are copied unless it says otherwise. */
typedef struct esp_tidelock_config {
  const char *url;      /* tidelock://host[:port] or tidelocks://host[:port], port 8433 where none is given */
  const char *identity; /* 1 to 64 bytes of UTF-8 */
  const uint8_t *key;   /* 32 bytes, copied: the caller wipes its own */
  uint8_t key_id;
  uint8_t suites;       /* TL_SUITE_*; 0: TL_SUITE_SEALED without TLS, all that the core has inside it */
  esp_tidelock_tls_t tls;
  esp_tidelock_record_t record;
  esp_tidelock_rtc_t *rtc;      /* of ESP_TIDELOCK_RECORD_RTC */
  uint32_t outbox_bytes;        /* 0: CONFIG_TIDELOCK_OUTBOX_BYTES */
  esp_event_loop_handle_t loop; /* NULL: the default event loop */
  void *user;
  /* Obeys a message and answers; in the component's task. NULL: TIDELOCK_EVENT_MESSAGE. */
  tl_verdict (*on_message)(void *user, const esp_tidelock_message_t *message);
  /* Fills all bytes from a true random source, or returns false. NULL: as CONFIG_TIDELOCK_ENTROPY_* says. */
  bool (*random)(void *user, uint8_t *out, uint32_t bytes);
} esp_tidelock_config_t;

typedef struct esp_tidelock *esp_tidelock_handle_t;

/* Makes a device; nothing is sent yet. ESP_ERR_NO_MEM, ESP_ERR_INVALID_ARG, ESP_ERR_TIDELOCK_URL, _PIN, _TRUST, _ENGINE. */
esp_err_t esp_tidelock_create(const esp_tidelock_config_t *config, esp_tidelock_handle_t *device);
/* Starts the task: it connects, and connects again after every loss, with the core's backoff. ESP_ERR_INVALID_STATE: it runs. */
esp_err_t esp_tidelock_start(esp_tidelock_handle_t device);
/* Closes the session, ends the task and waits for that; messages stay queued. ESP_ERR_INVALID_STATE: it does not run. */
esp_err_t esp_tidelock_stop(esp_tidelock_handle_t device);
/* Stops, wipes key, session and queue, and gives all memory back. NULL is allowed. */
void esp_tidelock_destroy(esp_tidelock_handle_t device);
/* Queues a message until it is acknowledged; TIDELOCK_EVENT_RESULT follows with this ticket (may be NULL). lifetime_ms 0: no end. */
esp_err_t esp_tidelock_send(esp_tidelock_handle_t device, const void *body, size_t bytes, uint32_t lifetime_ms, uint32_t *ticket);
/* The same, and waits for its end. ESP_OK: the gateway has it on its disk. ESP_ERR_TIDELOCK_NOT_DELIVERED: see *result (may be NULL).
 * ESP_ERR_TIMEOUT: not ended within timeout_ms, which is also its lifetime; it is not sent any more unless it is under way. */
esp_err_t esp_tidelock_send_wait(esp_tidelock_handle_t device, const void *body, size_t bytes, uint32_t timeout_ms, tl_result *result);
/* As esp_tidelock_send, under a topic of 1 to 255 bytes of UTF-8. keep_s: how long the gateway keeps it for those who are not there. */
esp_err_t esp_tidelock_publish(esp_tidelock_handle_t device, const char *topic, uint16_t keep_s, const void *body, size_t bytes, uint32_t lifetime_ms, uint32_t *ticket);
/* Sends once, without acknowledgement. ESP_ERR_INVALID_STATE: no session. */
esp_err_t esp_tidelock_post(esp_tidelock_handle_t device, const void *body, size_t bytes);
/* True while a session stands. */
bool esp_tidelock_is_online(esp_tidelock_handle_t device);
/* Unix time in ms as the gateway's clock tells it. ESP_ERR_INVALID_STATE before the first session. */
esp_err_t esp_tidelock_unix_ms(esp_tidelock_handle_t device, uint64_t *ms);
/* The least stack that the task has had left, bytes; 0: it does not run. */
uint32_t esp_tidelock_stack_left(esp_tidelock_handle_t device);

/* ---- What was provisioned, in NVS: namespace "tidelock"; `id`, `url`, `pin`, `pin2` strings, `key` a blob of 32 bytes, `key_id` u8 ---- */
typedef struct esp_tidelock_settings {
  char identity[65];
  char url[129];
  char pins[2][52];
  uint8_t key[32];
  uint8_t key_id;
} esp_tidelock_settings_t;

/* Reads them; partition NULL: "nvs". ESP_ERR_NVS_NOT_FOUND: id, key or url is missing; ESP_ERR_INVALID_SIZE: one has a wrong length. */
esp_err_t esp_tidelock_load(const char *partition, esp_tidelock_settings_t *settings);
/* Puts url, identity, key, key_id and pins into the configuration, which points into the settings until esp_tidelock_create. */
void esp_tidelock_apply(const esp_tidelock_settings_t *settings, esp_tidelock_config_t *config);
/* Overwrites the key and all else. */
void esp_tidelock_forget(esp_tidelock_settings_t *settings);

#ifdef __cplusplus
}
#endif
#endif
