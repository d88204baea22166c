/*
 * A device on Linux: each line of its input becomes a message that is acknowledged; commands of the gateway are printed. It shows
 * what firmware does around tidelock.h: a socket, a clock, randomness, a record. Its first argument is no secret, nor is any other.
 *
 *   main HOST PORT IDENTITY KEYFILE [tcp|udp] [RECORDFILE]
 *
 * KEYFILE has 64 hexadecimal digits, as `tidelock devices add NAME --key-file FILE` writes it. At the end of its input it waits for
 * the acknowledgements, says CLOSE and ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tidelock.h"

#ifdef TL_ENGINE_WAMR
extern const uint8_t board_core[], board_core_end[]; /* boards/core-wasm.S */
static uint64_t pool[16384];
#endif
static uint64_t memory[TL_MEMORY_BYTES / 8];
static uint32_t outbox[1024];
static uint8_t parts[512];

typedef struct app {
  const char *host, *port, *record;
  int socket;
  bool datagram, connecting, wants_link, drops_link;
  unsigned delivered, failed;
} app;

static uint32_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t); /* runs through sleep */
  return (uint32_t)((uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u);
}

static bool random_bytes(void *user, uint8_t *out, uint32_t bytes) {
  (void)user;
  return getrandom(out, bytes, 0) == (ssize_t)bytes;
}

static bool load_record(void *user, uint8_t record[8]) {
  const app *a = user;
  FILE *file = fopen(a->record, "rb");
  if (file == NULL) return false;
  bool whole = fread(record, 1, 8, file) == 8;
  fclose(file);
  return whole;
}

static bool store_record(void *user, const uint8_t record[8]) {
  const app *a = user;
  FILE *file = fopen(a->record, "wb");
  if (file == NULL) return false;
  bool whole = fwrite(record, 1, 8, file) == 8;
  return fflush(file) == 0 && fsync(fileno(file)) == 0 && fclose(file) == 0 && whole;
}

/* Events come from inside the client: what must call it is noted here and done by the loop. */
static tl_verdict on_event(void *user, const tl_event *event) {
  app *a = user;
  switch (event->kind) {
    case TL_EV_CONNECT: a->wants_link = true; break;
    case TL_EV_DISCONNECT:
      a->drops_link = true;
      printf("disconnected: why %u detail %u, next try in %ld ms\n", event->why, event->detail, (long)event->ms);
      break;
    case TL_EV_ONLINE: printf("online: session %lu suite %u\n", (unsigned long)event->id, event->why); break;
    case TL_EV_MESSAGE:
      printf("message: %.*s%s\n", (int)event->bytes, (const char *)event->body, event->repeat ? " (repeat)" : "");
      break;
    case TL_EV_RESULT:
      if (event->why == TL_DELIVERED) a->delivered++;
      else a->failed++;
      printf("%s: message %lu\n", event->why == TL_DELIVERED ? "delivered" : "not delivered", (unsigned long)event->id);
      break;
    case TL_EV_REFUSED: printf("refused: reason %u\n", event->why); break;
    case TL_EV_CLOSED: printf("closed: reason %u, retry after %u s\n", event->why, event->detail); break;
    case TL_EV_CLOCK: printf("clock: %ld ms\n", (long)event->ms); break;
  }
  fflush(stdout);
  return TL_TAKE;
}

static void drop(app *a) {
  if (a->socket >= 0) close(a->socket);
  a->socket = -1;
  a->connecting = false;
}

static bool open_link(app *a) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = a->datagram ? SOCK_DGRAM : SOCK_STREAM}, *found = NULL;
  if (getaddrinfo(a->host, a->port, &hints, &found) != 0) return false;
  a->socket = socket(found->ai_family, found->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1, status = -1;
  if (a->socket >= 0) {
    if (!a->datagram) setsockopt(a->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    status = connect(a->socket, found->ai_addr, found->ai_addrlen);
  }
  freeaddrinfo(found);
  a->connecting = true;
  return status == 0 || errno == EINPROGRESS;
}

/* What waits, as far as the link takes it. */
static bool flush(app *a, tl_client *client) {
  for (;;) {
    uint32_t count;
    const uint8_t *bytes = tl_output(client, &count);
    if (bytes == NULL) return true;
    ssize_t sent = send(a->socket, bytes, count, MSG_NOSIGNAL);
    if (sent < 0 && a->datagram && errno != EAGAIN) sent = (ssize_t)count; /* a lost datagram is the core's to repeat */
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    tl_output_taken(client, (uint32_t)sent);
  }
}

static bool receive(app *a, tl_client *client) {
  uint8_t buffer[1500];
  ssize_t got = recv(a->socket, buffer, sizeof buffer, 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR || (a->datagram && errno == ECONNREFUSED);
  if (got == 0 && !a->datagram) return false;
  for (uint32_t at = 0, taken; a->socket >= 0;) {
    tl_status status = tl_receive(client, buffer + at, (uint32_t)got - at, &taken, now_ms());
    at += taken;
    if (status != TL_MORE) break;
    if (!flush(a, client)) return false;
  }
  return true;
}

static bool read_key(const char *name, uint8_t key[32]) {
  char digits[65] = "";
  FILE *file = fopen(name, "r");
  if (file == NULL) return false;
  bool whole = fread(digits, 1, 64, file) == 64;
  fclose(file);
  for (int i = 0; i < 32 && whole; i++) {
    unsigned byte;
    whole = sscanf(digits + 2 * i, "%2x", &byte) == 1;
    key[i] = (uint8_t)byte;
  }
  explicit_bzero(digits, sizeof digits);
  return whole;
}

/* One line of the input is one message; false: the input has ended. */
static bool read_lines(tl_client *client) {
  static char line[512];
  static size_t held;
  ssize_t got = read(0, line + held, sizeof line - held);
  if (got <= 0) return false;
  held += (size_t)got;
  for (char *end; (end = memchr(line, '\n', held)) != NULL || held == sizeof line;) {
    size_t bytes = end != NULL ? (size_t)(end - line) : held, used = end != NULL ? bytes + 1 : bytes;
    uint32_t ticket = 0;
    tl_status status = tl_send(client, (const uint8_t *)line, (uint32_t)bytes, 0, false, &ticket, now_ms());
    if (status != TL_OK) printf("not queued: %s\n", tl_status_text(status));
    memmove(line, line + used, held - used);
    held -= used;
  }
  return true;
}

static void run(app *a, tl_client *client) {
  bool input = true, stopping = false;
  for (;;) {
    int32_t wait = tl_poll(client, now_ms());
    if (a->socket >= 0 && !a->connecting && !flush(a, client)) a->drops_link = true, tl_disconnected(client, now_ms());
    if (a->drops_link) drop(a);
    a->drops_link = false;
    if (stopping) return;
    if (a->wants_link) {
      a->wants_link = false;
      if (!open_link(a)) drop(a), tl_disconnected(client, now_ms());
    }
    if (!input && tl_queued(client) == 0) {
      stopping = true;
      tl_stop(client, now_ms());
      continue;
    }
    uint32_t waiting = 0;
    (void)tl_output(client, &waiting);
    bool full = tl_queued(client) > 32; /* the outbox sets the pace of the input */
    struct pollfd fds[2] = {{.fd = input && !full ? 0 : -1, .events = POLLIN}, {.fd = a->socket, .events = (short)(POLLIN | (a->connecting || waiting ? POLLOUT : 0))}};
    (void)poll(fds, 2, wait < 0 ? 1000 : wait);
    if (fds[0].revents) input = read_lines(client);
    if (a->socket < 0 || fds[1].revents == 0) continue;
    if (a->connecting) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(a->socket, SOL_SOCKET, SO_ERROR, &error, &size);
      a->connecting = false;
      if (error != 0) drop(a), tl_disconnected(client, now_ms());
      else tl_connected(client, now_ms());
    } else if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) && !receive(a, client)) {
      drop(a);
      tl_disconnected(client, now_ms());
    }
  }
}

int main(int count, char **words) {
  uint8_t key[32];
  tl_client *client;
  if (count < 5) {
    fprintf(stderr, "usage: %s HOST PORT IDENTITY KEYFILE [tcp|udp] [RECORDFILE]\n", words[0]);
    return 2;
  }
  app a = {.host = words[1], .port = words[2], .socket = -1, .datagram = count > 5 && strcmp(words[5], "udp") == 0, .record = count > 6 ? words[6] : NULL};
  if (!read_key(words[4], key)) {
    fprintf(stderr, "%s: no key of 64 hexadecimal digits\n", words[4]);
    return 2;
  }
  tl_config config = {.size = sizeof config, .memory = memory, .memory_bytes = sizeof memory, .outbox = outbox, .outbox_bytes = sizeof outbox,
                      .parts = parts, .parts_bytes = sizeof parts, .key = key, .identity = words[3],
                      .link = a.datagram ? TL_LINK_DATAGRAM : TL_LINK_STREAM, .user = &a, .random = random_bytes, .event = on_event};
  if (a.record != NULL) config.load_record = load_record, config.store_record = store_record;
#ifdef TL_ENGINE_WAMR
  tl_engine_options engine = {.wasm = board_core, .wasm_bytes = (uint32_t)(board_core_end - board_core), .pool = pool, .pool_bytes = sizeof pool, .stack_bytes = 4096};
  config.engine = &engine;
#endif
  tl_status status = tl_open(&client, &config, now_ms());
  explicit_bzero(key, sizeof key);
  if (status != TL_OK) {
    fprintf(stderr, "tl_open: %s\n", tl_status_text(status));
    return 1;
  }
  fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
  tl_start(client, now_ms());
  run(&a, client);
  tl_close(client);
  printf("%u delivered, %u not\n", a.delivered, a.failed);
  return a.failed == 0 ? 0 : 1;
}
