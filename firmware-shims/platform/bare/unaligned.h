/*
 * Put before WAMR's files by -include. WebAssembly allows every address, and WAMR reads 64 bits through an int64 pointer: a
 * Cortex-M3, which reads odd words, faults on LDRD and STRD of an odd address, and a compiler makes just these of it.
 */
#ifndef TIDELOCK_UNALIGNED_H
#define TIDELOCK_UNALIGNED_H

#include "wasm_runtime_common.h"

struct tl_packed64 { int64 value; } __attribute__((packed, may_alias));

#undef LOAD_I64
#undef STORE_I64
#undef PUT_I64_TO_ADDR
#define LOAD_I64(addr) (((const struct tl_packed64 *)(addr))->value)
#define PUT_I64_TO_ADDR(addr, number) (((struct tl_packed64 *)(addr))->value = (int64)(number)) /* the classic one stores by it */
#define STORE_I64 PUT_I64_TO_ADDR

#endif
