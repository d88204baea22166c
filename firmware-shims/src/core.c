/* The core's memory and its calls: the one file that knows where things lie in it (docs/abi.md). */
#include "client.h"

#include <string.h>

uint32_t tl_get32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void tl_put32(uint8_t *p, uint32_t value) {
  p[0] = (uint8_t)value;
  p[1] = (uint8_t)(value >> 8);
  p[2] = (uint8_t)(value >> 16);
  p[3] = (uint8_t)(value >> 24);
}

void tl_put16(uint8_t *p, uint16_t value) {
  p[0] = (uint8_t)value;
  p[1] = (uint8_t)(value >> 8);
}

uint32_t tl_get32_be(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void tl_put32_be(uint8_t *p, uint32_t value) {
  p[0] = (uint8_t)(value >> 24);
  p[1] = (uint8_t)(value >> 16);
  p[2] = (uint8_t)(value >> 8);
  p[3] = (uint8_t)value;
}

uint8_t *tl_slot(const tl_client *client) {
  return client->arena + TL_ABI_A_SLOT;
}

uint8_t *tl_hello(const tl_client *client) {
  uint8_t *slot = tl_slot(client);
  return slot + TL_ABI_S_C - slot[TL_ABI_S_HELLO_BYTES];
}

bool tl_is_datagram(const tl_client *client) {
  return (tl_slot(client)[TL_ABI_S_LINK] & TL_ABI_LINK_DATAGRAM) != 0;
}

int32_t tl_call(tl_client *client, int function, const uint32_t *arguments, uint32_t count) {
  uint32_t result = 0;
  if (client->trapped) return TL_E_TRAP;
  if (tl_engine_call(client->engine, client->function[function], arguments, count, &result) != TL_OK) {
    client->trapped = true;
    return TL_E_TRAP;
  }
  return (int32_t)result;
}

int32_t tl_call1(tl_client *client, int function, uint32_t first) {
  return tl_call(client, function, &first, 1);
}

int32_t tl_call2(tl_client *client, int function, uint32_t first, uint32_t second) {
  const uint32_t arguments[2] = {first, second};
  return tl_call(client, function, arguments, 2);
}

int32_t tl_frame(tl_client *client, uint32_t type, const uint8_t *body, uint32_t bytes, uint32_t id, uint32_t age, uint32_t now) {
  const uint32_t arguments[5] = {type, bytes, id, age, now};
  uint32_t used = tl_get32(client->arena + TL_ABI_A_OUT_BYTES), room = tl_get32(client->arena + TL_ABI_A_OUT_CAP);
  /* What surrounds a body in the output: what leads it, and the longest tag. */
  if (bytes > room || bytes + TL_ABI_SEND_AHEAD + 16 > room) return TL_E_TOO_LONG;
  if (used > room || bytes + TL_ABI_SEND_AHEAD + 16 > room - used) return TL_E_ROOM;
  if (bytes > 0) memcpy(client->memory + tl_get32(client->arena + TL_ABI_A_OUT) + used + TL_ABI_SEND_AHEAD, body, bytes);
  return tl_call(client, TL_FN_SEND, arguments, 5);
}

const uint8_t *tl_inside(const tl_client *client, uint32_t from, uint32_t bytes) {
  if (bytes > client->memory_bytes || from > client->memory_bytes - bytes) return NULL;
  return client->memory + from;
}

void tl_wipe(void *memory, size_t bytes) {
  volatile uint8_t *p = (volatile uint8_t *)memory;
  if (p == NULL) return;
  while (bytes-- > 0) *p++ = 0;
}
