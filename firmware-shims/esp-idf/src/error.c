/* Errors: what a status of the client is called in ESP-IDF, and names for logs. */
#include "port.h"

esp_err_t esp_tidelock_error(tl_status status) {
  switch (status) {
    case TL_OK:
    case TL_MORE:
      return ESP_OK;
    case TL_E_ARGUMENT:
    case TL_E_TARGET:
      return ESP_ERR_INVALID_ARG;
    case TL_E_STATE:
      return ESP_ERR_INVALID_STATE;
    case TL_E_TOO_LONG:
      return ESP_ERR_INVALID_SIZE;
    case TL_E_ROOM:
      return ESP_ERR_NOT_FINISHED;
    case TL_E_MEMORY:
      return ESP_ERR_NO_MEM;
    case TL_E_VERSION:
      return ESP_ERR_INVALID_VERSION;
    case TL_E_ENTROPY:
      return ESP_ERR_TIDELOCK_ENTROPY;
    case TL_E_REENTRANT:
      return ESP_ERR_TIDELOCK_REENTRANT;
    case TL_E_ENGINE:
      return ESP_ERR_TIDELOCK_ENGINE;
    case TL_E_TRAP:
      return ESP_ERR_TIDELOCK_TRAP;
    case TL_E_OUTBOX_FULL:
      return ESP_ERR_TIDELOCK_OUTBOX_FULL;
    default:
      return ESP_FAIL;
  }
}

#define NAME(error) \
  case error:       \
    return #error

const char *esp_tidelock_err_to_name(esp_err_t error) {
  switch (error) {
    NAME(ESP_ERR_TIDELOCK_URL);
    NAME(ESP_ERR_TIDELOCK_PIN);
    NAME(ESP_ERR_TIDELOCK_TRUST);
    NAME(ESP_ERR_TIDELOCK_REENTRANT);
    NAME(ESP_ERR_TIDELOCK_ENTROPY);
    NAME(ESP_ERR_TIDELOCK_ENGINE);
    NAME(ESP_ERR_TIDELOCK_TRAP);
    NAME(ESP_ERR_TIDELOCK_OUTBOX_FULL);
    NAME(ESP_ERR_TIDELOCK_RESOLVE);
    NAME(ESP_ERR_TIDELOCK_CONNECT);
    NAME(ESP_ERR_TIDELOCK_TLS);
    NAME(ESP_ERR_TIDELOCK_CERTIFICATE);
    NAME(ESP_ERR_TIDELOCK_NOT_DELIVERED);
    default:
      return esp_err_to_name(error);
  }
}
