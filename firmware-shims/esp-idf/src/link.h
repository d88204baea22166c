/* One TCP connection after another, with or without TLS, and the waiting for it. */
#ifndef TIDELOCK_LINK_H
#define TIDELOCK_LINK_H

#include "port.h"
#include "tls.h"

typedef struct tidelock_link {
  int socket;         /* -1: none */
  int wake;           /* an eventfd by which other tasks end a wait */
  tidelock_tls *tls;  /* NULL: without */
  bool wants_write;   /* the last write was not taken whole */
} tidelock_link;

/* Connects within ten seconds, TLS within ten more; gives up as soon as *stop. ESP_ERR_TIDELOCK_RESOLVE, _CONNECT, _TLS, _CERTIFICATE. */
esp_err_t tidelock_link_open(tidelock_link *link, const tidelock_address *address, const volatile bool *stop);
/* How many were taken, 0: none now, or -1: the connection is lost. */
int tidelock_link_write(tidelock_link *link, const uint8_t *bytes, uint32_t count);
/* How many came, 0: none now, or -1: the connection is lost. */
int tidelock_link_read(tidelock_link *link, uint8_t *out, uint32_t room);
void tidelock_link_close(tidelock_link *link);
/* Waits until the socket has something, takes something, another task wakes, or ms are over; feeds the watchdog. */
void tidelock_link_wait(const tidelock_link *link, bool input, bool output, uint32_t ms);
/* Ends a wait, from another task. */
void tidelock_link_wake(const tidelock_link *link);

#endif
