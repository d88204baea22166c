/* Sockets of lwIP, none of whose calls waits but the one for a name. */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 10000u
#define TLS_MS 10000u

/* Takes the count of an eventfd; false: it is 0 already. */
static bool take_count(int wake) {
  uint64_t count;
  return read(wake, &count, sizeof count) == (ssize_t)sizeof count;
}

static bool is_later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

void tidelock_link_wait(const tidelock_link *link, bool input, bool output, uint32_t ms) {
  fd_set readable, writable;
  int highest = link->wake;
  if (ms > tidelock_longest_wait()) ms = tidelock_longest_wait();
  struct timeval time = {.tv_sec = (time_t)(ms / 1000u), .tv_usec = (suseconds_t)(ms % 1000u * 1000u)};
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_SET(link->wake, &readable);
  if (link->socket >= 0) {
    if (input) FD_SET(link->socket, &readable);
    if (output) FD_SET(link->socket, &writable);
    if (link->socket > highest) highest = link->socket;
  }
  if (select(highest + 1, &readable, &writable, NULL, &time) > 0 && FD_ISSET(link->wake, &readable)) {
    (void)take_count(link->wake);
  }
  tidelock_feed();
}

void tidelock_link_wake(const tidelock_link *link) {
  const uint64_t one = 1;
  if (write(link->wake, &one, sizeof one) < 0) return; /* its count is full: it wakes anyway */
}

/* Asks for a connection to this address, and waits for it. */
static esp_err_t connect_to(tidelock_link *link, const struct addrinfo *info, const volatile bool *stop) {
  const int one = 1;
  uint32_t began = tidelock_now();
  link->socket = socket(info->ai_family, SOCK_STREAM, 0);
  if (link->socket < 0) return ESP_ERR_NO_MEM;
  (void)setsockopt(link->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* frames are small and already gathered */
  if (fcntl(link->socket, F_SETFL, fcntl(link->socket, F_GETFL, 0) | O_NONBLOCK) != 0) return ESP_ERR_TIDELOCK_CONNECT;
  if (connect(link->socket, info->ai_addr, info->ai_addrlen) == 0) return ESP_OK;
  if (errno != EINPROGRESS) return ESP_ERR_TIDELOCK_CONNECT;
  while (!*stop && tidelock_now() - began < CONNECT_MS) {
    fd_set writable;
    struct timeval at_once = {0, 0};
    tidelock_link_wait(link, false, true, CONNECT_MS - (tidelock_now() - began));
    FD_ZERO(&writable);
    FD_SET(link->socket, &writable);
    if (select(link->socket + 1, NULL, &writable, NULL, &at_once) > 0) {
      int error = 0;
      socklen_t bytes = sizeof error;
      if (getsockopt(link->socket, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error != 0) return ESP_ERR_TIDELOCK_CONNECT;
      return ESP_OK;
    }
  }
  return ESP_ERR_TIDELOCK_CONNECT;
}

#if CONFIG_TIDELOCK_TLS
static esp_err_t secure(tidelock_link *link, const volatile bool *stop) {
  uint32_t began = tidelock_now();
  esp_err_t error = tidelock_tls_begin(link->tls, link->socket);
  while (error == ESP_OK && !*stop && tidelock_now() - began < TLS_MS) {
    int status = tidelock_tls_step(link->tls, &error);
    tidelock_feed(); /* one step may be one multiplication on a curve, some 100 ms */
    if (status == 1) return ESP_OK;
    if (status == TIDELOCK_TLS_READ) tidelock_link_wait(link, true, false, TLS_MS - (tidelock_now() - began));
    if (status == TIDELOCK_TLS_WRITE) tidelock_link_wait(link, false, true, TLS_MS - (tidelock_now() - began));
  }
  return error != ESP_OK ? error : ESP_ERR_TIDELOCK_TLS;
}
#endif

esp_err_t tidelock_link_open(tidelock_link *link, const tidelock_address *address, const volatile bool *stop) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *found = NULL;
  tidelock_unwatch(); /* a name may take longer than the watchdog allows: lwIP asks each server several times */
  int status = getaddrinfo(address->host, address->port, &hints, &found);
  tidelock_watch();
  if (status != 0 || found == NULL) return ESP_ERR_TIDELOCK_RESOLVE;
  esp_err_t error = ESP_ERR_TIDELOCK_CONNECT;
  for (const struct addrinfo *info = found; info != NULL && error != ESP_OK && !*stop; info = info->ai_next) {
    error = connect_to(link, info, stop);
    if (error != ESP_OK) tidelock_link_close(link);
  }
  freeaddrinfo(found);
#if CONFIG_TIDELOCK_TLS
  if (error == ESP_OK && link->tls != NULL) {
    error = secure(link, stop);
    if (error != ESP_OK) tidelock_link_close(link);
  }
#endif
  return error;
}

int tidelock_link_write(tidelock_link *link, const uint8_t *bytes, uint32_t count) {
  int sent;
#if CONFIG_TIDELOCK_TLS
  if (link->tls != NULL) {
    sent = tidelock_tls_write(link->tls, bytes, count);
    link->wants_write = sent == TIDELOCK_TLS_WRITE;
    return sent == TIDELOCK_TLS_LOST ? -1 : sent < 0 ? 0 : sent;
  }
#endif
  sent = (int)send(link->socket, bytes, count, 0);
  link->wants_write = sent < 0 ? is_later(errno) : (uint32_t)sent < count;
  return sent >= 0 ? sent : link->wants_write ? 0 : -1;
}

int tidelock_link_read(tidelock_link *link, uint8_t *out, uint32_t room) {
  int got;
#if CONFIG_TIDELOCK_TLS
  if (link->tls != NULL) {
    got = tidelock_tls_read(link->tls, out, room);
    return got == TIDELOCK_TLS_LOST ? -1 : got < 0 ? 0 : got;
  }
#endif
  got = (int)recv(link->socket, out, room, 0);
  if (got > 0) return got;
  return got < 0 && is_later(errno) ? 0 : -1;
}

void tidelock_link_close(tidelock_link *link) {
  if (link->socket < 0) return;
#if CONFIG_TIDELOCK_TLS
  if (link->tls != NULL) tidelock_tls_end(link->tls);
#endif
  (void)close(link->socket);
  link->socket = -1;
  link->wants_write = false;
}
