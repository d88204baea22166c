/* TLS by mbedTLS 3 for one connection after another, and whom it believes (docs/tls.md). */
#ifndef TIDELOCK_TLS_H
#define TIDELOCK_TLS_H

#include "port.h"

typedef struct tidelock_tls tidelock_tls;

enum { TIDELOCK_TLS_LOST = -1, TIDELOCK_TLS_READ = -2, TIDELOCK_TLS_WRITE = -3 };

/* Reads pins and authorities; host is the name to expect where trust has none. ESP_ERR_TIDELOCK_TRUST, _PIN, ESP_ERR_NO_MEM. */
esp_err_t tidelock_tls_create(const esp_tidelock_tls_t *trust, const char *host, tidelock_tls **tls);
void tidelock_tls_destroy(tidelock_tls *tls);
/* Begins a connection on this socket. */
esp_err_t tidelock_tls_begin(tidelock_tls *tls, int socket);
/* One step of the handshake: 1 it stands and the gateway is believed; 0 go on; TIDELOCK_TLS_READ or _WRITE: wait for the socket;
 * TIDELOCK_TLS_LOST: *error says why. */
int tidelock_tls_step(tidelock_tls *tls, esp_err_t *error);
/* Bytes written or read, or TIDELOCK_TLS_*. A write that was not taken must be repeated with the same first bytes. */
int tidelock_tls_write(tidelock_tls *tls, const uint8_t *bytes, uint32_t count);
int tidelock_tls_read(tidelock_tls *tls, uint8_t *out, uint32_t room);
/* Says goodbye where it can be said without waiting, and forgets the connection. */
void tidelock_tls_end(tidelock_tls *tls);

#endif
