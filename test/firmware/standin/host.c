/*
 * ESP-IDF's calls that the component makes, on a POSIX system: FreeRTOS's tasks become threads, NVS a table in memory, the default
 * event loop a function. Sockets, names and mbedTLS are this machine's own.
 */
#define _GNU_SOURCE /* recursive mutexes, pthread_setattr */
#include "host.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bootloader_random.h"
#include "esp_crt_bundle.h"
#include "esp_event.h"
#include "esp_heap_caps.h"
#include "esp_random.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "esp_vfs_eventfd.h"

/* ---- Tasks. Their stacks are painted, so that the least that was left can be read. ---- */
#define PAINT 0xa5u

struct tskTaskControlBlock {
  pthread_t thread;
  TaskFunction_t function;
  void *argument;
  uint8_t *stack;
  size_t bytes;
  TaskHandle_t next;
};

static TaskHandle_t tasks; /* FreeRTOS's idle task gives their memory back; here they stay */

static __thread TaskHandle_t self;
static __thread bool watched; /* by the task watchdog */

static void *begin(void *argument) {
  self = argument;
  self->function(self->argument);
  return NULL;
}

BaseType_t xTaskCreate(TaskFunction_t function, const char *name, uint32_t stack_bytes, void *argument, UBaseType_t priority, TaskHandle_t *task) {
  pthread_attr_t attributes;
  TaskHandle_t made = calloc(1, sizeof *made);
  (void)name, (void)priority;
  made->function = function;
  made->argument = argument;
  made->next = tasks;
  tasks = made;
  made->bytes = stack_bytes + HOST_STACK_MORE;
  if (posix_memalign((void **)&made->stack, 4096, made->bytes) != 0) return pdFALSE;
  memset(made->stack, PAINT, made->bytes);
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, made->stack, made->bytes);
  *task = made; /* before it runs, as the component relies on */
  return pthread_create(&made->thread, &attributes, begin, made) == 0 ? pdPASS : pdFALSE;
}

void vTaskDelete(TaskHandle_t task) {
  (void)task;
  pthread_exit(NULL);
}

TaskHandle_t xTaskGetCurrentTaskHandle(void) {
  return self;
}

/* Reads what the sanitizer guards. */
__attribute__((no_sanitize("address"))) UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task) {
  size_t left = 0;
  while (left < task->bytes && task->stack[left] == PAINT) left++;
  return (UBaseType_t)left;
}

static void nothing(void *argument) {
  (void)argument;
}

uint32_t host_empty_stack(void) {
  TaskHandle_t task;
  if (xTaskCreate(nothing, "empty", 0, NULL, 1, &task) != pdPASS) abort();
  pthread_join(task->thread, NULL);
  return HOST_STACK_MORE - uxTaskGetStackHighWaterMark(task);
}

/* ---- Names: looked up on another stack, because the C library takes many kilobytes for it and lwIP does not. ---- */
struct question {
  const char *host, *service;
  const struct addrinfo *hints;
  struct addrinfo **found;
  int status;
};

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found);

static void *ask(void *argument) {
  struct question *question = argument;
  question->status = __real_getaddrinfo(question->host, question->service, question->hints, question->found);
  return NULL;
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  struct question question = {host, service, hints, found, 0};
  pthread_t thread;
  if (watched) abort(); /* it may take longer than the watchdog allows */
  if (pthread_create(&thread, NULL, ask, &question) != 0) abort();
  pthread_join(thread, NULL);
  return question.status;
}

/* ---- Semaphores ---- */
struct QueueDefinition {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool given;
};

static SemaphoreHandle_t semaphore(int type) {
  pthread_mutexattr_t attributes;
  SemaphoreHandle_t made = calloc(1, sizeof *made);
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, type);
  pthread_mutex_init(&made->mutex, &attributes);
  pthread_cond_init(&made->changed, NULL);
  return made;
}

SemaphoreHandle_t xSemaphoreCreateRecursiveMutex(void) {
  return semaphore(PTHREAD_MUTEX_RECURSIVE);
}

SemaphoreHandle_t xSemaphoreCreateBinary(void) {
  return semaphore(PTHREAD_MUTEX_NORMAL);
}

BaseType_t xSemaphoreTakeRecursive(SemaphoreHandle_t handle, TickType_t ticks) {
  (void)ticks;
  return pthread_mutex_lock(&handle->mutex) == 0 ? pdTRUE : pdFALSE;
}

BaseType_t xSemaphoreGiveRecursive(SemaphoreHandle_t handle) {
  return pthread_mutex_unlock(&handle->mutex) == 0 ? pdTRUE : pdFALSE;
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t handle, TickType_t ticks) {
  struct timespec until;
  int status = 0;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += (time_t)(ticks / configTICK_RATE_HZ);
  until.tv_nsec += (long)(ticks % configTICK_RATE_HZ) * (1000000000L / configTICK_RATE_HZ);
  if (until.tv_nsec >= 1000000000L) until.tv_nsec -= 1000000000L, until.tv_sec++;
  pthread_mutex_lock(&handle->mutex);
  while (!handle->given && status == 0) {
    status = ticks == portMAX_DELAY ? pthread_cond_wait(&handle->changed, &handle->mutex) : pthread_cond_timedwait(&handle->changed, &handle->mutex, &until);
  }
  BaseType_t took = handle->given ? pdTRUE : pdFALSE;
  handle->given = false;
  pthread_mutex_unlock(&handle->mutex);
  return took;
}

BaseType_t xSemaphoreGive(SemaphoreHandle_t handle) {
  pthread_mutex_lock(&handle->mutex);
  handle->given = true;
  pthread_cond_signal(&handle->changed);
  pthread_mutex_unlock(&handle->mutex);
  return pdTRUE;
}

void vSemaphoreDelete(SemaphoreHandle_t handle) {
  free(handle);
}

/* ---- Time, randomness, memory, watchdog ---- */
int64_t esp_timer_get_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int entropy_on;

void bootloader_random_enable(void) {
  entropy_on++;
}

void bootloader_random_disable(void) {
  entropy_on--;
}

void esp_fill_random(void *buffer, size_t bytes) {
  if (entropy_on != 1) abort(); /* no true source */
  if (getrandom(buffer, bytes, 0) != (ssize_t)bytes) abort();
}

void *heap_caps_malloc(size_t bytes, uint32_t caps) {
  (void)caps;
  return malloc(bytes);
}

void *heap_caps_calloc(size_t count, size_t bytes, uint32_t caps) {
  (void)caps;
  return calloc(count, bytes);
}

void heap_caps_free(void *memory) {
  free(memory);
}

esp_err_t esp_task_wdt_add(TaskHandle_t task) {
  if (task != NULL || watched) abort(); /* ESP-IDF refuses to add a task twice */
  watched = true;
  return ESP_OK;
}

esp_err_t esp_task_wdt_reset(void) {
  if (!watched) abort();
  return ESP_OK;
}

esp_err_t esp_task_wdt_delete(TaskHandle_t task) {
  if (task != NULL || !watched) abort();
  watched = false;
  return ESP_OK;
}

esp_err_t esp_vfs_eventfd_register(const esp_vfs_eventfd_config_t *config) {
  return config->max_fds > 0 ? ESP_OK : ESP_ERR_INVALID_ARG;
}

/* There is no bundle of authorities here. */
esp_err_t esp_crt_bundle_attach(void *config) {
  (void)config;
  return ESP_ERR_NOT_SUPPORTED;
}

const char *esp_err_to_name(esp_err_t error) {
  return error == ESP_OK ? "ESP_OK" : error == ESP_ERR_TIMEOUT ? "ESP_ERR_TIMEOUT" : error == ESP_ERR_INVALID_STATE ? "ESP_ERR_INVALID_STATE" : "ESP_ERR_OTHER";
}

/* ---- The event loop ---- */
esp_err_t esp_event_post(esp_event_base_t base, int32_t id, const void *data, size_t bytes, TickType_t ticks) {
  (void)ticks;
  return host_on_event(base, id, data, bytes) ? ESP_OK : ESP_ERR_TIMEOUT;
}

esp_err_t esp_event_post_to(esp_event_loop_handle_t loop, esp_event_base_t base, int32_t id, const void *data, size_t bytes, TickType_t ticks) {
  (void)loop;
  return esp_event_post(base, id, data, bytes, ticks);
}
