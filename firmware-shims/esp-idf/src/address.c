/* Addresses of gateways, as the command line and Node's Device write them. */
#include "port.h"

#include <string.h>

static const char *after(const char *text, const char *scheme) {
  size_t n = strlen(scheme);
  return strncmp(text, scheme, n) == 0 ? text + n : NULL;
}

/* 1 to 65535 in decimal digits, without zeros in front. */
static bool is_port(const char *text, size_t bytes) {
  uint32_t value = 0;
  if (bytes == 0 || bytes > 5 || text[0] == '0') return false;
  for (size_t i = 0; i < bytes; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (uint32_t)(text[i] - '0');
  }
  return value <= 65535;
}

esp_err_t tidelock_parse_address(const char *url, tidelock_address *address) {
  const char *host, *end, *port = "8433";
  size_t port_bytes = 4;
  memset(address, 0, sizeof *address);
  if (url == NULL) return ESP_ERR_TIDELOCK_URL;
  host = after(url, "tidelock://");
  if (host == NULL) {
    host = after(url, "tidelocks://");
    address->tls = true;
  }
  if (host == NULL) return ESP_ERR_TIDELOCK_URL;
  if (*host == '[') { /* IPv6 in brackets */
    host++;
    end = strchr(host, ']');
    if (end == NULL) return ESP_ERR_TIDELOCK_URL;
    url = end + 1;
  } else {
    url = end = host + strcspn(host, ":/?#@[] ");
  }
  if (*url == ':') {
    port = url + 1;
    port_bytes = strcspn(port, "/");
    url = port + port_bytes;
  }
  if (strcmp(url, "") != 0 && strcmp(url, "/") != 0) return ESP_ERR_TIDELOCK_URL;
  if (end == host || (size_t)(end - host) >= sizeof address->host || !is_port(port, port_bytes)) return ESP_ERR_TIDELOCK_URL;
  memcpy(address->host, host, (size_t)(end - host));
  memcpy(address->port, port, port_bytes);
  return ESP_OK;
}
