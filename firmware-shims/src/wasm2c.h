/*
 * What the C that wasm2c made stands on, for firmware: 32-bit addresses, a memory whose size is a constant, no heap, no mmap. The
 * generated file defines W2C_MEMORY and W2C_GLOBALS and includes this.
 *
 * Every access is checked. The memory's size and an access's offset are constants, so what is left at run time is one comparison,
 * and none where the address is constant as well. The memory stands inside the instance, so that a constant address is an
 * immediate offset of the one pointer that every function has.
 *
 * A trap ends the call by longjmp: it may come many calls deep, and no return value of generated code can carry it. setjmp runs
 * once a call of the core; its buffer stands on the stack of that call.
 */
#ifndef TIDELOCK_WASM2C_H
#define TIDELOCK_WASM2C_H

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#ifdef W2C_HAL
#include "hal.h"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "wasm2c.h: WASM memory is little-endian, and so must the processor be"
#endif

#ifdef __GNUC__
/* The builtin also where a firmware is compiled with -ffreestanding: as a call it would cost more than all the rest of an access. */
#define W2C_COPY __builtin_memcpy
#define W2C_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define W2C_INLINE static inline __attribute__((always_inline, unused))
#define W2C_COLD __attribute__((noreturn, noinline, cold))
#define W2C_SELDOM static __attribute__((noinline, unused))
#define W2C_APART static __attribute__((noinline))
#else
#define W2C_COPY memcpy
#define W2C_UNLIKELY(x) (x)
#define W2C_INLINE static inline
#define W2C_COLD
#define W2C_SELDOM static
#define W2C_APART static
#endif

/* Bytes behind the core's own, for tests that put their inputs there. */
#ifndef TL_W2C_SCRATCH
#define TL_W2C_SCRATCH 0u
#endif
#define W2C_BYTES (W2C_MEMORY + TL_W2C_SCRATCH)
#define W2C_PAGES (W2C_BYTES / 65536u) /* memory.size, whole pages: gateways alone ask for it */

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef struct w2c_instance {
  jmp_buf *trap; /* where a trap goes, while the core runs */
  u32 trapped;
  W2C_GLOBALS
  union {
    u64 alignment;
    u8 memory[W2C_BYTES];
  } m;
} w2c_instance;
#define memory m.memory

typedef struct w2c_export {
  const char *name;
  u32 parameters;
} w2c_export;

typedef struct w2c_global {
  const char *name;
  u32 value;
} w2c_global;

static W2C_COLD void w2c_trap(w2c_instance *instance) {
  longjmp(*instance->trap, 1);
}

#define UNREACHABLE w2c_trap(instance)
/* Bytes at, …, at + offset + size − 1 must lie in the memory; no sum of it can wrap. */
#define W2C_CHECK(at, offset, size) \
  if (W2C_UNLIKELY((offset) > W2C_BYTES - (size) || (at) > W2C_BYTES - (size) - (offset))) w2c_trap(instance)

/*
 * WASM allows every address; a processor that faults on odd ones takes 10 instructions for four bytes. Most addresses are even:
 * where the processor is strict, one test finds out, and the bytes are put together out of line.
 */
#if defined(__riscv) && !defined(__riscv_misaligned_fast) || defined(__ARM_ARCH) && !defined(__ARM_FEATURE_UNALIGNED) || defined(__XTENSA__)
#define W2C_STRICT 1
W2C_SELDOM u32 w2c_load_odd(const u8 *p) {
  return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}
W2C_SELDOM void w2c_store_odd(u8 *p, u32 value) {
  p[0] = (u8)value;
  p[1] = (u8)(value >> 8);
  p[2] = (u8)(value >> 16);
  p[3] = (u8)(value >> 24);
}
#else
#define W2C_STRICT 0
#endif

W2C_INLINE u32 w2c_get(const u8 *p) {
  u32 value;
#if W2C_STRICT
  if (W2C_UNLIKELY(((uintptr_t)p & 3) != 0)) return w2c_load_odd(p);
  W2C_COPY(&value, __builtin_assume_aligned(p, 4), 4);
#else
  W2C_COPY(&value, p, 4);
#endif
  return value;
}

W2C_INLINE void w2c_put(u8 *p, u32 value) {
#if W2C_STRICT
  if (W2C_UNLIKELY(((uintptr_t)p & 3) != 0)) {
    w2c_store_odd(p, value);
    return;
  }
  W2C_COPY(__builtin_assume_aligned(p, 4), &value, 4);
#else
  W2C_COPY(p, &value, 4);
#endif
}

W2C_INLINE u32 i32_load(w2c_instance *instance, u32 at, u32 offset) {
  W2C_CHECK(at, offset, 4u);
  return w2c_get(&instance->memory[at + offset]);
}

W2C_INLINE u64 i64_load(w2c_instance *instance, u32 at, u32 offset) {
  W2C_CHECK(at, offset, 8u);
  return w2c_get(&instance->memory[at + offset]) | (u64)w2c_get(&instance->memory[at + offset + 4u]) << 32;
}

W2C_INLINE void i32_store(w2c_instance *instance, u32 at, u32 offset, u32 value) {
  W2C_CHECK(at, offset, 4u);
  w2c_put(&instance->memory[at + offset], value);
}

W2C_INLINE void i64_store(w2c_instance *instance, u32 at, u32 offset, u64 value) {
  W2C_CHECK(at, offset, 8u);
  w2c_put(&instance->memory[at + offset], (u32)value);
  w2c_put(&instance->memory[at + offset + 4u], (u32)(value >> 32));
}

#define W2C_LOAD(name, type, stored, result)                              \
  W2C_INLINE type name(w2c_instance *instance, u32 at, u32 offset) {      \
    stored value;                                                         \
    W2C_CHECK(at, offset, (u32)sizeof value);                             \
    W2C_COPY(&value, &instance->memory[at + offset], sizeof value);         \
    return (type)(result)value;                                           \
  }
W2C_LOAD(i32_load8_u, u32, u8, u32)
W2C_LOAD(i32_load8_s, u32, s8, s32)
W2C_LOAD(i32_load16_u, u32, u16, u32)
W2C_LOAD(i32_load16_s, u32, s16, s32)
W2C_LOAD(i64_load8_u, u64, u8, u64)
W2C_LOAD(i64_load8_s, u64, s8, s64)
W2C_LOAD(i64_load16_u, u64, u16, u64)
W2C_LOAD(i64_load16_s, u64, s16, s64)

W2C_INLINE u64 i64_load32_u(w2c_instance *instance, u32 at, u32 offset) {
  return i32_load(instance, at, offset);
}

W2C_INLINE u64 i64_load32_s(w2c_instance *instance, u32 at, u32 offset) {
  return (u64)(s64)(s32)i32_load(instance, at, offset);
}

#define W2C_STORE(name, type, stored)                                            \
  W2C_INLINE void name(w2c_instance *instance, u32 at, u32 offset, type value) { \
    stored low = (stored)value;                                                  \
    W2C_CHECK(at, offset, (u32)sizeof low);                                      \
    W2C_COPY(&instance->memory[at + offset], &low, sizeof low);                    \
  }
W2C_STORE(i32_store8, u32, u8)
W2C_STORE(i32_store16, u32, u16)
W2C_STORE(i64_store8, u64, u8)
W2C_STORE(i64_store16, u64, u16)

W2C_INLINE void i64_store32(w2c_instance *instance, u32 at, u32 offset, u64 value) {
  i32_store(instance, at, offset, (u32)value);
}

W2C_SELDOM void w2c_check_range(w2c_instance *instance, u32 at, u32 bytes) {
  if (W2C_UNLIKELY(bytes > W2C_BYTES || at > W2C_BYTES - bytes)) w2c_trap(instance);
}

W2C_SELDOM void memory_copy(w2c_instance *instance, u32 to, u32 from, u32 bytes) {
  w2c_check_range(instance, to, bytes);
  w2c_check_range(instance, from, bytes);
  memmove(&instance->memory[to], &instance->memory[from], bytes);
}

W2C_SELDOM void memory_fill(w2c_instance *instance, u32 to, u32 value, u32 bytes) {
  w2c_check_range(instance, to, bytes);
  memset(&instance->memory[to], (int)(value & 0xffu), bytes);
}

W2C_INLINE u32 w2c_divisor_32(w2c_instance *instance, u32 value) {
  if (W2C_UNLIKELY(value == 0)) w2c_trap(instance);
  return value;
}

W2C_INLINE u64 w2c_divisor_64(w2c_instance *instance, u64 value) {
  if (W2C_UNLIKELY(value == 0)) w2c_trap(instance);
  return value;
}

/* wasm2c writes the same for both widths. */
#define DIV_U(x, y) (sizeof(x) == 8 ? (x) / w2c_divisor_64(instance, y) : (u32)(x) / w2c_divisor_32(instance, (u32)(y)))
#define REM_U(x, y) (sizeof(x) == 8 ? (x) % w2c_divisor_64(instance, y) : (u32)(x) % w2c_divisor_32(instance, (u32)(y)))
#define W2C_DIVIDE_SIGNED(divide, remainder, type, stype, least)              \
  W2C_INLINE type divide(w2c_instance *instance, type x, type y) {            \
    if (W2C_UNLIKELY(y == 0 || (x == (least) && y == (type)-1))) w2c_trap(instance); \
    return (type)((stype)x / (stype)y);                                       \
  }                                                                           \
  W2C_INLINE type remainder(w2c_instance *instance, type x, type y) {         \
    if (W2C_UNLIKELY(y == 0)) w2c_trap(instance);                             \
    return y == (type)-1 ? 0 : (type)((stype)x % (stype)y);                   \
  }
W2C_DIVIDE_SIGNED(w2c_i32_div_s, w2c_i32_rem_s, u32, s32, 0x80000000u)
W2C_DIVIDE_SIGNED(w2c_i64_div_s, w2c_i64_rem_s, u64, s64, (u64)1 << 63)
#define I32_DIV_S(x, y) w2c_i32_div_s(instance, x, y)
#define I32_REM_S(x, y) w2c_i32_rem_s(instance, x, y)
#define I64_DIV_S(x, y) w2c_i64_div_s(instance, x, y)
#define I64_REM_S(x, y) w2c_i64_rem_s(instance, x, y)
#define I32_ROTL(x, y) ((x) << ((y)&31u) | (x) >> ((32u - (y)) & 31u))
#define I32_ROTR(x, y) ((x) >> ((y)&31u) | (x) << ((32u - (y)) & 31u))
#define I64_ROTL(x, y) ((x) << ((y)&63u) | (x) >> ((64u - (y)) & 63u))
#define I64_ROTR(x, y) ((x) >> ((y)&63u) | (x) << ((64u - (y)) & 63u))

W2C_INLINE u32 I32_CLZ(u32 x) {
#ifdef __GNUC__
  return x ? (u32)__builtin_clzl((unsigned long)x) - (u32)(sizeof(long) * 8 - 32) : 32u;
#else
  u32 n = 32;
  for (; x; x >>= 1) n--;
  return n;
#endif
}

W2C_INLINE u32 I32_CTZ(u32 x) {
  return x ? 31u - I32_CLZ(x & (0u - x)) : 32u;
}

#ifdef W2C_HAL
/* The imports of core-device-hal: each pointer with its length, checked before native code gets them. */
W2C_SELDOM void w2c_sha256_blocks(w2c_instance *instance, u32 state, u32 state_bytes, u32 data, u32 bytes) {
  w2c_check_range(instance, state, state_bytes);
  w2c_check_range(instance, data, bytes);
  if (W2C_UNLIKELY(state_bytes < 32 || (state & 3) != 0)) w2c_trap(instance);
  tl_hal_sha256_blocks((u32 *)(void *)&instance->memory[state], &instance->memory[data], bytes);
}

W2C_SELDOM void w2c_chacha20_blocks(w2c_instance *instance, u32 state, u32 state_bytes, u32 data, u32 bytes) {
  w2c_check_range(instance, state, state_bytes);
  w2c_check_range(instance, data, bytes);
  if (W2C_UNLIKELY(state_bytes < 64 || (state & 3) != 0)) w2c_trap(instance);
  tl_hal_chacha20_blocks((u32 *)(void *)&instance->memory[state], &instance->memory[data], bytes);
}
#endif

#endif
