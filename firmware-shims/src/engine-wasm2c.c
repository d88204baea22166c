/*
 * The engine wasm2c: the core as C, compiled with the firmware. Its linear memory stands in the memory that the caller gives, and
 * nothing else does. TL_CORE says which core; -DTL_W2C_FILE='"…"' names another file that scripts/lib/firmware/wasm2c.mjs made.
 */
#include "engine.h"

#ifdef __GNUC__
/* Generated code: labels and parameters that nothing uses, and signs that change. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-label"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#if defined(TL_W2C_FILE)
#include TL_W2C_FILE
#elif TL_CORE == TL_CORE_SMALL
#include "../wasm2c/core-device-small.w2c.h"
#elif TL_CORE == TL_CORE_HAL
#include "../wasm2c/core-device-hal.w2c.h"
#else
#include "../wasm2c/core-device.w2c.h"
#endif
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif

struct tl_engine {
  w2c_instance instance;
};

/* What TL_ENGINE_BYTES promises at compile time holds. */
typedef char tl_engine_fits[sizeof(tl_engine) <= TL_ENGINE_BYTES + TL_W2C_SCRATCH ? 1 : -1];

uint32_t tl_engine_bytes(void) {
  return (uint32_t)sizeof(tl_engine);
}

tl_status tl_engine_open(tl_engine **engine, void *into, uint32_t bytes, const tl_engine_options *options) {
  (void)options;
  *engine = NULL;
  if (into == NULL || bytes < sizeof(tl_engine) || ((uintptr_t)into & 7) != 0) return TL_E_MEMORY;
  memset(into, 0, sizeof(tl_engine));
  *engine = (tl_engine *)into;
  w2c_start(&(*engine)->instance);
  return TL_OK;
}

void tl_engine_close(tl_engine *engine) {
  volatile uint8_t *p = (volatile uint8_t *)engine;
  if (engine == NULL) return;
  for (size_t i = 0; i < sizeof(tl_engine); i++) p[i] = 0;
}

uint8_t *tl_engine_memory(tl_engine *engine, uint32_t *bytes) {
  *bytes = W2C_BYTES;
  return engine->instance.memory;
}

int tl_engine_export(tl_engine *engine, const char *name) {
  (void)engine;
  for (size_t i = 0; i < sizeof w2c_exports / sizeof w2c_exports[0]; i++) {
    if (strcmp(w2c_exports[i].name, name) == 0) return (int)i;
  }
  return TL_E_ARGUMENT;
}

tl_status tl_engine_global(tl_engine *engine, const char *name, uint32_t *value) {
  (void)engine;
  for (size_t i = 0; i < sizeof w2c_exported_globals / sizeof w2c_exported_globals[0]; i++) {
    if (strcmp(w2c_exported_globals[i].name, name) != 0) continue;
    *value = w2c_exported_globals[i].value;
    return TL_OK;
  }
  return TL_E_ARGUMENT;
}

tl_status tl_engine_call(tl_engine *engine, int function, const uint32_t *arguments, uint32_t count, uint32_t *result) {
  jmp_buf trap;
  w2c_instance *instance = &engine->instance;
  *result = 0;
  if (instance->trapped) return TL_E_TRAP;
  if (function < 0 || (size_t)function >= sizeof w2c_exports / sizeof w2c_exports[0]) return TL_E_ARGUMENT;
  if (w2c_exports[function].parameters != count) return TL_E_ARGUMENT;
  instance->trap = &trap;
  if (setjmp(trap) != 0) {
    instance->trapped = 1; /* what the core was doing is half done: it is not to be trusted again */
    instance->trap = NULL;
    return TL_E_TRAP;
  }
  *result = w2c_invoke(instance, (u32)function, arguments);
  instance->trap = NULL;
  return TL_OK;
}
