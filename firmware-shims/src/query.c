/* What an application asks; nothing here changes anything, so it may be asked from within a callback too. */
#include "client.h"

uint32_t tl_queued(const tl_client *client) {
  return tl_outbox_count(&client->outbox);
}

bool tl_is_online(const tl_client *client) {
  return client->online;
}

tl_status tl_unix_ms(const tl_client *client, uint32_t now, uint64_t *ms) {
  const uint8_t *slot = tl_slot(client), *epoch = slot + TL_ABI_S_EPOCH;
  int32_t since = (int32_t)(now - tl_get32(slot + TL_ABI_S_BASE));
  if (!client->was_online) return TL_E_STATE;
  *ms = ((uint64_t)tl_get32_be(epoch) << 32 | tl_get32_be(epoch + 4)) + (uint64_t)(int64_t)since;
  return TL_OK;
}

uint32_t tl_refused(const tl_client *client, uint32_t reason) {
  return reason < TL_ABI_REFUSED_COUNT ? tl_get32(client->arena + TL_ABI_A_COUNTERS + 4 * reason) : 0;
}
