/* ChaCha20-Poly1305 (RFC 8439); ChaCha20's block function is firmware's own, hal.c. Poly1305 in five limbs of 26 bits. */
#include "native.h"

#include <string.h>

#include "hal.h"

typedef struct poly { uint32_t r[5], h[5], pad[4]; } poly;

static uint32_t word(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }

static void poly_begin(poly *p, const uint8_t key[32]) {
  p->r[0] = word(key) & 0x3ffffff;
  p->r[1] = word(key + 3) >> 2 & 0x3ffff03;
  p->r[2] = word(key + 6) >> 4 & 0x3ffc0ff;
  p->r[3] = word(key + 9) >> 6 & 0x3f03fff;
  p->r[4] = word(key + 12) >> 8 & 0x00fffff;
  memset(p->h, 0, sizeof p->h);
  for (int i = 0; i < 4; i++) p->pad[i] = word(key + 16 + 4 * i);
}

/* Blocks of 16 bytes; the last is filled up with zeros, as 2.8 pads. */
static void poly_add(poly *p, const uint8_t *data, uint32_t bytes) {
  const uint32_t r0 = p->r[0], r1 = p->r[1], r2 = p->r[2], r3 = p->r[3], r4 = p->r[4];
  const uint32_t s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  uint32_t h0 = p->h[0], h1 = p->h[1], h2 = p->h[2], h3 = p->h[3], h4 = p->h[4];
  uint8_t last[16];
  while (bytes > 0) {
    if (bytes < 16) {
      memset(last, 0, 16);
      memcpy(last, data, bytes);
      data = last;
      bytes = 16;
    }
    h0 += word(data) & 0x3ffffff;
    h1 += word(data + 3) >> 2 & 0x3ffffff;
    h2 += word(data + 6) >> 4 & 0x3ffffff;
    h3 += word(data + 9) >> 6;
    h4 += word(data + 12) >> 8 | 1u << 24;
    uint64_t d0 = (uint64_t)h0 * r0 + (uint64_t)h1 * s4 + (uint64_t)h2 * s3 + (uint64_t)h3 * s2 + (uint64_t)h4 * s1;
    uint64_t d1 = (uint64_t)h0 * r1 + (uint64_t)h1 * r0 + (uint64_t)h2 * s4 + (uint64_t)h3 * s3 + (uint64_t)h4 * s2;
    uint64_t d2 = (uint64_t)h0 * r2 + (uint64_t)h1 * r1 + (uint64_t)h2 * r0 + (uint64_t)h3 * s4 + (uint64_t)h4 * s3;
    uint64_t d3 = (uint64_t)h0 * r3 + (uint64_t)h1 * r2 + (uint64_t)h2 * r1 + (uint64_t)h3 * r0 + (uint64_t)h4 * s4;
    uint64_t d4 = (uint64_t)h0 * r4 + (uint64_t)h1 * r3 + (uint64_t)h2 * r2 + (uint64_t)h3 * r1 + (uint64_t)h4 * r0;
    h0 = (uint32_t)d0 & 0x3ffffff;
    d1 += d0 >> 26;
    h1 = (uint32_t)d1 & 0x3ffffff;
    d2 += d1 >> 26;
    h2 = (uint32_t)d2 & 0x3ffffff;
    d3 += d2 >> 26;
    h3 = (uint32_t)d3 & 0x3ffffff;
    d4 += d3 >> 26;
    h4 = (uint32_t)d4 & 0x3ffffff;
    h0 += (uint32_t)(d4 >> 26) * 5;
    h1 += h0 >> 26;
    h0 &= 0x3ffffff;
    data += 16;
    bytes -= 16;
  }
  p->h[0] = h0, p->h[1] = h1, p->h[2] = h2, p->h[3] = h3, p->h[4] = h4;
}

static void poly_end(poly *p, uint8_t tag[16]) {
  uint32_t *h = p->h, g[5], carry = 5, mask;
  uint64_t f = 0;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 4; i++) h[i + 1] += h[i] >> 26, h[i] &= 0x3ffffff;
    h[0] += (h[4] >> 26) * 5, h[4] &= 0x3ffffff;
  }
  for (int i = 0; i < 5; i++) {
    g[i] = h[i] + carry;
    carry = g[i] >> 26;
    g[i] &= 0x3ffffff;
  }
  mask = 0u - carry; /* h + 5 reached 2^130: take h − p */
  for (int i = 0; i < 5; i++) h[i] = (h[i] & ~mask) | (g[i] & mask);
  const uint32_t words[4] = { h[0] | h[1] << 26, h[1] >> 6 | h[2] << 20, h[2] >> 12 | h[3] << 14, h[3] >> 18 | h[4] << 8 };
  for (int i = 0; i < 4; i++) {
    f += (uint64_t)words[i] + p->pad[i];
    for (int k = 0; k < 4; k++) tag[4 * i + k] = (uint8_t)(f >> 8 * k);
    f >>= 32;
  }
}

static void chacha_begin(uint32_t state[16], const uint8_t key[32], const uint8_t nonce[12]) {
  static const uint32_t sigma[4] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
  memcpy(state, sigma, 16);
  for (int i = 0; i < 8; i++) state[4 + i] = word(key + 4 * i);
  state[12] = 0;
  for (int i = 0; i < 3; i++) state[13 + i] = word(nonce + 4 * i);
}

static void tag_of(const uint8_t one_time[32], const uint8_t *aad, uint32_t aad_bytes, const uint8_t *data, uint32_t bytes, uint8_t tag[16]) {
  poly p;
  uint8_t lengths[16] = { (uint8_t)aad_bytes, (uint8_t)(aad_bytes >> 8), 0, 0, 0, 0, 0, 0, (uint8_t)bytes, (uint8_t)(bytes >> 8) };
  poly_begin(&p, one_time);
  poly_add(&p, aad, aad_bytes);
  poly_add(&p, data, bytes);
  poly_add(&p, lengths, 16);
  poly_end(&p, tag);
}

void native_aead_seal(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes, uint8_t *data, uint32_t bytes, uint8_t tag[16]) {
  uint32_t state[16];
  uint8_t one_time[64] = { 0 };
  chacha_begin(state, key, nonce);
  tl_hal_chacha20_blocks(state, one_time, 64);
  tl_hal_chacha20_blocks(state, data, bytes);
  tag_of(one_time, aad, aad_bytes, data, bytes, tag);
}

int native_aead_open(const uint8_t key[32], const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes, uint8_t *data, uint32_t bytes, const uint8_t tag[16]) {
  uint32_t state[16];
  uint8_t one_time[64] = { 0 }, made[16], differs = 0;
  chacha_begin(state, key, nonce);
  tl_hal_chacha20_blocks(state, one_time, 64);
  tag_of(one_time, aad, aad_bytes, data, bytes, made);
  for (int i = 0; i < 16; i++) differs |= made[i] ^ tag[i];
  if (differs != 0) return 0;
  tl_hal_chacha20_blocks(state, data, bytes);
  return 1;
}
