/*
 * The component on this machine, driven by lines on standard input: what was provisioned first, name=value (id, url, key, key_id, pin,
 * pin2; ca is a file's name), then create, start, send TEXT, wait MS TEXT, publish TOPIC TEXT, post TEXT, stop, destroy. Everything that happens is a
 * line on standard output.
 */
#include "esp_tidelock.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "nvs.h"

static char ca[8192];
static esp_tidelock_handle_t device;

static const char *const RESULTS[] = {"delivered", "refused", "too long", "no target", "expired", "in doubt", "bad topic"};

/* ---- All is printed by one thread, in the order in which it happened, so that the task's stack is its own. ---- */
enum { OBEYED = 100, SAID };

struct record {
  int32_t id;
  uint32_t bytes;
  esp_err_t send, stop;
  uint8_t data[1024];
};

static int records[2];

static void print(const struct record *record) {
  const void *data = record->data;
  const esp_tidelock_message_t *message = data;
  const esp_tidelock_offline_t *offline = data;
  switch (record->id) {
    case TIDELOCK_EVENT_CONNECTING:
      printf("connecting\n");
      break;
    case TIDELOCK_EVENT_ONLINE:
      printf("online suite %u\n", ((const esp_tidelock_online_t *)data)->suite);
      break;
    case TIDELOCK_EVENT_OFFLINE:
      printf("offline %s why %u detail %u retry %d\n", esp_tidelock_err_to_name(offline->error), offline->why, offline->detail, (int)(offline->retry_ms > 0));
      break;
    case TIDELOCK_EVENT_MESSAGE:
      printf("event message %.*s\n", (int)message->bytes, (const char *)message->body);
      break;
    case TIDELOCK_EVENT_RESULT:
      printf("result %s\n", RESULTS[((const esp_tidelock_result_t *)data)->result]);
      break;
    case TIDELOCK_EVENT_REFUSED:
      printf("refused %u\n", ((const esp_tidelock_refused_t *)data)->why);
      break;
    case TIDELOCK_EVENT_STOPPED:
      printf("stopped %s\n", esp_tidelock_err_to_name(*(const esp_err_t *)data));
      break;
    case SAID:
      printf("%s\n", (const char *)data);
      break;
    default:
      if (esp_tidelock_topic(message) != NULL) printf("topic %s trust %u\n", esp_tidelock_topic(message), message->trust);
      printf("message %.*s\nsend inside %s\nstop inside %s\n", (int)message->bytes, (const char *)message->body, esp_tidelock_err_to_name(record->send), esp_tidelock_err_to_name(record->stop));
  }
  fflush(stdout);
}

static void *printer(void *argument) {
  static struct record record;
  while (read(records[0], &record, sizeof record) == (ssize_t)sizeof record) print(&record);
  return argument;
}

static struct record *copy(int32_t id, const void *data, size_t bytes) {
  static __thread struct record record;
  if (bytes > sizeof record.data) abort();
  record.id = id;
  record.bytes = (uint32_t)bytes;
  if (bytes != 0) memcpy(record.data, data, bytes);
  return &record;
}

static void show(const struct record *record) {
  if (write(records[1], record, sizeof *record) != (ssize_t)sizeof *record) abort();
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  show(copy(SAID, text, strlen(text) + 1));
}

bool host_on_event(esp_event_base_t base, int32_t id, const void *data, size_t bytes) {
  if (base != TIDELOCK_EVENT) return false;
  show(copy(id, data, bytes));
  return true;
}

/* Asks what a program must not ask from here, and answers. */
static tl_verdict on_message(void *user, const esp_tidelock_message_t *message) {
  struct record *record = copy(OBEYED, message, sizeof *message + message->bytes + message->topic_bytes + 1u);
  (void)user;
  record->send = esp_tidelock_send(device, "x", 1, 0, NULL);
  record->stop = esp_tidelock_stop(device);
  show(record);
  return message->bytes == 4 && memcmp(message->body, "nope", 4) == 0 ? TL_REFUSE : TL_TAKE;
}

static void provision(const char *name, const char *value) {
  if (strcmp(name, "key") == 0) {
    uint8_t key[64];
    size_t bytes = strlen(value) / 2;
    for (size_t i = 0; i < bytes && i < sizeof key; i++) {
      unsigned byte;
      if (sscanf(value + 2 * i, "%2x", &byte) != 1) abort();
      key[i] = (uint8_t)byte;
    }
    nvs_set_blob(1, "key", key, bytes);
  } else if (strcmp(name, "key_id") == 0) {
    nvs_set_u8(1, "key_id", (uint8_t)atoi(value));
  } else if (strcmp(name, "ca") == 0) {
    FILE *file = fopen(value, "r");
    if (file == NULL) abort();
    ca[fread(ca, 1, sizeof ca - 1, file)] = 0;
    fclose(file);
  } else {
    nvs_set_str(1, name, value);
  }
}

static esp_err_t create(bool obeys) {
  esp_tidelock_settings_t settings;
  esp_tidelock_config_t config = {.record = ESP_TIDELOCK_RECORD_NVS};
  esp_err_t error = esp_tidelock_load(NULL, &settings);
  if (error != ESP_OK) return error;
  esp_tidelock_apply(&settings, &config);
  if (ca[0] != 0) config.tls.ca_pem = ca;
  if (obeys) config.on_message = on_message;
  error = esp_tidelock_create(&config, &device);
  esp_tidelock_forget(&settings);
  for (size_t i = 0; i < sizeof settings; i++) {
    if (((const uint8_t *)&settings)[i] != 0) abort();
  }
  return error;
}

int main(void) {
  static char line[1024];
  pthread_t thread;
  if (pipe(records) != 0 || pthread_create(&thread, NULL, printer, NULL) != 0) abort();
  signal(SIGPIPE, SIG_IGN); /* lwIP has no signals */
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *rest;
    line[strcspn(line, "\n")] = 0;
    rest = line + strcspn(line, "= ");
    if (*rest == '=') {
      *rest = 0;
      provision(line, rest + 1);
      continue;
    }
    if (*rest == ' ') *rest++ = 0;
    esp_err_t error = ESP_FAIL;
    if (strcmp(line, "create") == 0) error = create(strcmp(rest, "quiet") != 0);
    if (strcmp(line, "start") == 0) error = esp_tidelock_start(device);
    if (strcmp(line, "send") == 0) error = esp_tidelock_send(device, rest, strlen(rest), 0, NULL);
    if (strcmp(line, "publish") == 0) {
      char *text = strchr(rest, ' ');
      *text++ = 0;
      error = esp_tidelock_publish(device, rest, 60, text, strlen(text), 0, NULL);
    }
    if (strcmp(line, "post") == 0) error = esp_tidelock_post(device, rest, strlen(rest));
    if (strcmp(line, "stop") == 0) error = esp_tidelock_stop(device);
    if (strcmp(line, "wait") == 0) {
      char *text;
      tl_result result = TL_DELIVERED;
      uint32_t ms = (uint32_t)strtoul(rest, &text, 10);
      error = esp_tidelock_send_wait(device, text + 1, strlen(text + 1), ms, &result);
      say("waited %s", RESULTS[result]);
    }
    if (strcmp(line, "stack") == 0) {
      say("stack %u of %u", (unsigned)(CONFIG_TIDELOCK_TASK_STACK + HOST_STACK_MORE - esp_tidelock_stack_left(device) - host_empty_stack()), (unsigned)CONFIG_TIDELOCK_TASK_STACK);
      error = ESP_OK;
    }
    if (strcmp(line, "destroy") == 0) {
      esp_tidelock_destroy(device);
      device = NULL;
      error = ESP_OK;
    }
    say("%s: %s", line, esp_tidelock_err_to_name(error));
  }
  close(records[1]); /* the printer ends when it has read all */
  pthread_join(thread, NULL);
  return 0;
}
