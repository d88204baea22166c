/* TLS by mbedTLS 3. Before the gateway is believed nothing is sent inside it, not even the identity. */
#include "tls.h"

#if CONFIG_TIDELOCK_TLS
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "esp_heap_caps.h"
#include "mbedtls/ctr_drbg.h"
#include "mbedtls/entropy.h"
#include "mbedtls/net_sockets.h"
#include "mbedtls/sha256.h"
#include "mbedtls/ssl.h"
#include "mbedtls/x509_crt.h"
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
#include "psa/crypto.h"
#endif
#if CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
#include "esp_crt_bundle.h"
#endif

struct tidelock_tls {
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
  mbedtls_x509_crt authorities;
  mbedtls_ssl_config config;
  mbedtls_ssl_context ssl;
  uint8_t pins[2][32];
  int pin_count;
  int socket;
  uint32_t pending;  /* bytes that a write was begun with */
  bool by_authority; /* the chain must lead to an authority, the name must fit */
  bool pin_seen;
  char name[TIDELOCK_HOST_BYTES];
};

static const char *const PROTOCOLS[] = {"tidelock/1", NULL};

static int send_some(void *context, const unsigned char *bytes, size_t count) {
  const tidelock_tls *tls = context;
  ssize_t sent = send(tls->socket, bytes, count, 0);
  if (sent >= 0) return (int)sent;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_NET_SEND_FAILED;
}

static int receive_some(void *context, unsigned char *out, size_t room) {
  const tidelock_tls *tls = context;
  ssize_t got = recv(tls->socket, out, room, 0);
  if (got >= 0) return (int)got;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_NET_RECV_FAILED;
}

/* True where the certificate's public key (its SubjectPublicKeyInfo, RFC 5280, 4.1.2.7) is a pinned one. */
static bool is_pinned(const tidelock_tls *tls, const mbedtls_x509_crt *certificate) {
  uint8_t hash[32];
  if (mbedtls_sha256(certificate->pk_raw.p, certificate->pk_raw.len, hash, 0) != 0) return false;
  for (int i = 0; i < tls->pin_count; i++) {
    if (memcmp(hash, tls->pins[i], sizeof hash) == 0) return true; /* public values: no need of constant time */
  }
  return false;
}

/* Called for every certificate of the chain, the gateway's own (depth 0) last. */
static int judge(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags) {
  tidelock_tls *tls = context;
  if (!tls->by_authority) *flags = 0; /* a pin alone: who signed, for which name and until when is not looked at */
  if (depth == 0 && tls->pin_count > 0) {
    tls->pin_seen = is_pinned(tls, certificate);
    if (!tls->pin_seen) *flags |= MBEDTLS_X509_BADCERT_OTHER;
  }
  return 0;
}

#if CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
/* The bundle brings a callback of its own, which knows nothing of pins: they are looked at after the handshake. */
static esp_err_t use_bundle(tidelock_tls *tls) {
  tls->by_authority = true;
  return esp_crt_bundle_attach(&tls->config);
}
#endif

static esp_err_t read_trust(tidelock_tls *tls, const esp_tidelock_tls_t *trust) {
  for (int i = 0; i < 2; i++) {
    if (trust->pins[i] == NULL) continue;
    esp_err_t error = tidelock_read_pin(trust->pins[i], tls->pins[tls->pin_count]);
    if (error != ESP_OK) return error;
    tls->pin_count++;
  }
  mbedtls_ssl_conf_verify(&tls->config, judge, tls);
  if (trust->ca_pem != NULL) {
    tls->by_authority = true;
    if (mbedtls_x509_crt_parse(&tls->authorities, (const unsigned char *)trust->ca_pem, strlen(trust->ca_pem) + 1) != 0) return ESP_ERR_TIDELOCK_TRUST;
    mbedtls_ssl_conf_ca_chain(&tls->config, &tls->authorities, NULL);
  }
  if (trust->bundle) {
#if CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
    if (use_bundle(tls) != ESP_OK) return ESP_ERR_TIDELOCK_TRUST;
#else
    return ESP_ERR_NOT_SUPPORTED;
#endif
  }
  /* Without an authority mbedTLS would refuse every chain itself before it asks: then the handshake is let through, and believed()
   * decides before anything is sent. */
  mbedtls_ssl_conf_authmode(&tls->config, tls->by_authority ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
  return tls->by_authority || tls->pin_count > 0 ? ESP_OK : ESP_ERR_TIDELOCK_TRUST;
}

esp_err_t tidelock_tls_create(const esp_tidelock_tls_t *trust, const char *host, tidelock_tls **out) {
  const char *name = trust->server_name != NULL ? trust->server_name : host;
  *out = NULL;
  if (strlen(name) >= TIDELOCK_HOST_BYTES) return ESP_ERR_INVALID_SIZE;
  tidelock_tls *tls = heap_caps_calloc(1, sizeof *tls, MALLOC_CAP_8BIT);
  if (tls == NULL) return ESP_ERR_NO_MEM;
  strcpy(tls->name, name);
  tls->socket = -1;
  mbedtls_entropy_init(&tls->entropy);
  mbedtls_ctr_drbg_init(&tls->random);
  mbedtls_x509_crt_init(&tls->authorities);
  mbedtls_ssl_config_init(&tls->config);
  mbedtls_ssl_init(&tls->ssl);
  esp_err_t error = ESP_OK;
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
  if (psa_crypto_init() != PSA_SUCCESS) error = ESP_ERR_TIDELOCK_TLS;
#endif
  if (mbedtls_ssl_config_defaults(&tls->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0) error = ESP_ERR_NO_MEM;
  if (error == ESP_OK) error = read_trust(tls, trust);
  mbedtls_ssl_conf_rng(&tls->config, mbedtls_ctr_drbg_random, &tls->random);
  mbedtls_ssl_conf_min_tls_version(&tls->config, MBEDTLS_SSL_VERSION_TLS1_2);
#if defined(MBEDTLS_SSL_ALPN)
  if (mbedtls_ssl_conf_alpn_protocols(&tls->config, (const char **)(uintptr_t)PROTOCOLS) != 0) error = ESP_ERR_INVALID_ARG;
#endif
  if (error == ESP_OK) *out = tls;
  else tidelock_tls_destroy(tls);
  return error;
}

void tidelock_tls_destroy(tidelock_tls *tls) {
  if (tls == NULL) return;
  mbedtls_ssl_free(&tls->ssl);
  mbedtls_ssl_config_free(&tls->config);
  mbedtls_x509_crt_free(&tls->authorities);
  mbedtls_ctr_drbg_free(&tls->random);
  mbedtls_entropy_free(&tls->entropy);
  heap_caps_free(tls);
}

esp_err_t tidelock_tls_begin(tidelock_tls *tls, int socket) {
  tls->socket = socket;
  tls->pending = 0;
  tls->pin_seen = false;
  /* Seeded anew for each connection: the first one may have come before the radio gave true randomness. */
  mbedtls_ctr_drbg_free(&tls->random);
  mbedtls_ctr_drbg_init(&tls->random);
  if (mbedtls_ctr_drbg_seed(&tls->random, mbedtls_entropy_func, &tls->entropy, NULL, 0) != 0) return ESP_ERR_TIDELOCK_ENTROPY;
  if (mbedtls_ssl_setup(&tls->ssl, &tls->config) != 0 || mbedtls_ssl_set_hostname(&tls->ssl, tls->name) != 0) return ESP_ERR_NO_MEM;
  mbedtls_ssl_set_bio(&tls->ssl, tls, send_some, receive_some, NULL);
  return ESP_OK;
}

/* All that was asked for holds: no flag is left, and where there are pins one was seen. */
static bool believed(tidelock_tls *tls) {
  if (mbedtls_ssl_get_verify_result(&tls->ssl) != 0) return false;
  if (tls->pin_count == 0 || tls->pin_seen) return true;
#if CONFIG_MBEDTLS_CERTIFICATE_BUNDLE && defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
  const mbedtls_x509_crt *certificate = mbedtls_ssl_get_peer_cert(&tls->ssl);
  return certificate != NULL && is_pinned(tls, certificate);
#else
  return false;
#endif
}

static int again(int status) {
  if (status == MBEDTLS_ERR_SSL_WANT_READ) return TIDELOCK_TLS_READ;
  if (status == MBEDTLS_ERR_SSL_WANT_WRITE) return TIDELOCK_TLS_WRITE;
  return TIDELOCK_TLS_LOST;
}

int tidelock_tls_step(tidelock_tls *tls, esp_err_t *error) {
  int status = mbedtls_ssl_is_handshake_over(&tls->ssl) ? 0 : mbedtls_ssl_handshake_step(&tls->ssl);
  if (status == 0 && !mbedtls_ssl_is_handshake_over(&tls->ssl)) return 0;
  if (status == 0 && believed(tls)) return 1;
  if (again(status) != TIDELOCK_TLS_LOST) return again(status);
  *error = status == 0 || status == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ? ESP_ERR_TIDELOCK_CERTIFICATE : ESP_ERR_TIDELOCK_TLS;
  if (status == MBEDTLS_ERR_SSL_ALLOC_FAILED) *error = ESP_ERR_NO_MEM;
  return TIDELOCK_TLS_LOST;
}

int tidelock_tls_write(tidelock_tls *tls, const uint8_t *bytes, uint32_t count) {
  /* A repeated write only sends what lies in mbedTLS's buffer, and returns the count that it is called with: so that of the first call. */
  if (tls->pending == 0) tls->pending = count;
  int status = mbedtls_ssl_write(&tls->ssl, bytes, tls->pending);
  if (status >= 0 || again(status) == TIDELOCK_TLS_LOST) tls->pending = 0;
  return status >= 0 ? status : again(status);
}

int tidelock_tls_read(tidelock_tls *tls, uint8_t *out, uint32_t room) {
  int status = mbedtls_ssl_read(&tls->ssl, out, room);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
  if (status == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) return TIDELOCK_TLS_READ;
#endif
  if (status > 0) return status;
  return status == 0 ? TIDELOCK_TLS_LOST : again(status);
}

void tidelock_tls_end(tidelock_tls *tls) {
  if (tls->socket < 0) return;
  if (mbedtls_ssl_is_handshake_over(&tls->ssl)) (void)mbedtls_ssl_close_notify(&tls->ssl);
  mbedtls_ssl_free(&tls->ssl); /* wipes its keys, and gives its buffers back while nothing is connected */
  mbedtls_ssl_init(&tls->ssl);
  tls->socket = -1;
}
#endif
