/* The block functions of core-device-hal in portable C: SHA-256 (FIPS 180-4, 6.2.2) and ChaCha20 (RFC 8439, 2.3). */
#include "hal.h"

#define LEFT(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define RIGHT(x, n) ((x) >> (n) | (x) << (32 - (n)))

#ifndef TL_HAL_OWN_SHA256 /* a chip's engine, in a file of its own */
static const uint32_t K[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
  0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
  0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
  0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
  0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
  0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define ROUND(a, b, c, d, e, f, g, h, t)                                                                                     \
  do {                                                                                                                       \
    uint32_t t1 = h + (RIGHT(e, 6) ^ RIGHT(e, 11) ^ RIGHT(e, 25)) + (g ^ (e & (f ^ g))) + K[t] + schedule(w, t, &data);       \
    d += t1;                                                                                                                 \
    h = t1 + (RIGHT(a, 2) ^ RIGHT(a, 13) ^ RIGHT(a, 22)) + ((a & b) | (c & (a | b)));                                        \
  } while (0)

/* W of round t, in a window of sixteen words; the first sixteen come from the block. */
static inline uint32_t schedule(uint32_t *w, unsigned t, const uint8_t **data) {
  if (t < 16) {
    const uint8_t *p = *data;
    *data = p + 4;
    w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
  } else {
    uint32_t x = w[(t + 1) & 15], y = w[(t + 14) & 15];
    w[t & 15] += (RIGHT(x, 7) ^ RIGHT(x, 18) ^ x >> 3) + w[(t + 9) & 15] + (RIGHT(y, 17) ^ RIGHT(y, 19) ^ y >> 10);
  }
  return w[t & 15];
}

void tl_hal_sha256_blocks(uint32_t *state, const uint8_t *data, uint32_t bytes) {
  uint32_t w[16];
  for (; bytes >= 64; bytes -= 64) {
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (unsigned t = 0; t < 64; t += 8) { /* eight rounds bring every variable back to its own name */
      ROUND(a, b, c, d, e, f, g, h, t);
      ROUND(h, a, b, c, d, e, f, g, t + 1);
      ROUND(g, h, a, b, c, d, e, f, t + 2);
      ROUND(f, g, h, a, b, c, d, e, t + 3);
      ROUND(e, f, g, h, a, b, c, d, t + 4);
      ROUND(d, e, f, g, h, a, b, c, t + 5);
      ROUND(c, d, e, f, g, h, a, b, t + 6);
      ROUND(b, c, d, e, f, g, h, a, t + 7);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
  for (volatile uint32_t *p = w; p < w + 16; p++) *p = 0; /* the schedule holds what was hashed */
}
#endif

#define QUARTER(a, b, c, d)  \
  do {                       \
    a += b;                  \
    d ^= a;                  \
    d = LEFT(d, 16);         \
    c += d;                  \
    b ^= c;                  \
    b = LEFT(b, 12);         \
    a += b;                  \
    d ^= a;                  \
    d = LEFT(d, 8);          \
    c += d;                  \
    b ^= c;                  \
    b = LEFT(b, 7);          \
  } while (0)

void tl_hal_chacha20_blocks(uint32_t *state, uint8_t *data, uint32_t bytes) {
  uint32_t x[16];
  while (bytes > 0) {
    uint32_t n = bytes < 64 ? bytes : 64;
    for (unsigned i = 0; i < 16; i++) x[i] = state[i];
    for (unsigned i = 0; i < 10; i++) {
      QUARTER(x[0], x[4], x[8], x[12]);
      QUARTER(x[1], x[5], x[9], x[13]);
      QUARTER(x[2], x[6], x[10], x[14]);
      QUARTER(x[3], x[7], x[11], x[15]);
      QUARTER(x[0], x[5], x[10], x[15]);
      QUARTER(x[1], x[6], x[11], x[12]);
      QUARTER(x[2], x[7], x[8], x[13]);
      QUARTER(x[3], x[4], x[9], x[14]);
    }
    for (unsigned i = 0; i < n; i++) data[i] ^= (uint8_t)((x[i >> 2] + state[i >> 2]) >> ((i & 3) * 8));
    state[12]++;
    data += n;
    bytes -= n;
  }
  for (volatile uint32_t *p = x; p < x + 16; p++) *p = 0;
}
