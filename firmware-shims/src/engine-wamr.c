/*
 * The core under WAMR, fast or classic interpreter (WASM_ENABLE_FAST_INTERP as the runtime was built), through wasm_export.h alone.
 * WAMR's runtime is one a process, so one engine is open at a time. All its memory is the pool of tl_engine_options; the fast
 * interpreter leaves the .wasm where it is, in flash; the classic one changes it in place, so that it gets a copy in the pool.
 */
#include "engine.h"
#if TL_CORE == TL_CORE_HAL
#include "hal.h"
#endif

#include <string.h>

#include "wasm_export.h"

#define DEFAULT_STACK_BYTES 2048

struct tl_engine {
  wasm_module_t module;
  wasm_module_inst_t instance;
  wasm_exec_env_t env;
  uint8_t *copy; /* the classic interpreter's .wasm */
  uint8_t *memory;
  uint32_t memory_bytes;
  void *pool;
  uint32_t pool_bytes;
  uint32_t room; /* of functions */
  uint32_t functions_known;
  bool trapped;
  wasm_function_inst_t functions[];
};

#if TL_CORE == TL_CORE_HAL
/* WAMR has checked both pointers against their lengths: the signature's * and ~. */
static void sha256_blocks(wasm_exec_env_t env, uint32_t *state, uint32_t state_bytes, uint8_t *data, uint32_t bytes) {
  if (state_bytes == 32 && ((uintptr_t)state & 3) == 0 && bytes % 64 == 0)
    tl_hal_sha256_blocks(state, data, bytes);
  else
    wasm_runtime_set_exception(wasm_runtime_get_module_inst(env), "sha256_blocks");
}

static void chacha20_blocks(wasm_exec_env_t env, uint32_t *state, uint32_t state_bytes, uint8_t *data, uint32_t bytes) {
  if (state_bytes == 64 && ((uintptr_t)state & 3) == 0)
    tl_hal_chacha20_blocks(state, data, bytes);
  else
    wasm_runtime_set_exception(wasm_runtime_get_module_inst(env), "chacha20_blocks");
}

static NativeSymbol natives[] = {
  { "chacha20_blocks", (void *)chacha20_blocks, "(*~*~)", NULL },
  { "sha256_blocks", (void *)sha256_blocks, "(*~*~)", NULL },
};
#endif

uint32_t tl_engine_bytes(void) { return TL_ENGINE_BYTES; }

static void stop(tl_engine *engine) {
  if (engine->memory != NULL)
    memset(engine->memory, 0, engine->memory_bytes);
  if (engine->env != NULL)
    wasm_runtime_destroy_exec_env(engine->env);
  if (engine->instance != NULL)
    wasm_runtime_deinstantiate(engine->instance);
  if (engine->module != NULL)
    wasm_runtime_unload(engine->module);
  if (engine->copy != NULL)
    wasm_runtime_free(engine->copy);
  wasm_runtime_destroy();
  memset(engine->pool, 0, engine->pool_bytes); /* the WASM stack held keys too */
  engine->instance = NULL;
}

static tl_status load(tl_engine *engine, const tl_engine_options *options) {
  LoadArgs how;
  uint8_t *wasm = (uint8_t *)(uintptr_t)options->wasm;
  uint32_t stack = options->stack_bytes != 0 ? options->stack_bytes : DEFAULT_STACK_BYTES;
  wasm_memory_inst_t memory;
  char error[48];

#if TL_CORE == TL_CORE_HAL
  if (!wasm_runtime_register_natives("env", natives, sizeof natives / sizeof natives[0]))
    return TL_E_MEMORY;
#endif
  memset(&how, 0, sizeof how);
  how.name = (char *)"";
#if WASM_ENABLE_FAST_INTERP == 0
  engine->copy = wasm = wasm_runtime_malloc(options->wasm_bytes);
  if (wasm == NULL)
    return TL_E_MEMORY;
  memcpy(wasm, options->wasm, options->wasm_bytes);
#else
  how.wasm_binary_freeable = true; /* nothing of it is kept: it may lie in flash */
#endif
  error[0] = 0;
  engine->module = wasm_runtime_load_ex(wasm, options->wasm_bytes, &how, error, sizeof error);
  if (engine->module != NULL)
    engine->instance = wasm_runtime_instantiate(engine->module, stack, 0, error, sizeof error);
  if (engine->instance == NULL)
    return strstr(error, "allocate") != NULL ? TL_E_MEMORY : TL_E_ENGINE;
  engine->env = wasm_runtime_create_exec_env(engine->instance, stack);
  if (engine->env == NULL)
    return TL_E_MEMORY;
  memory = wasm_runtime_get_default_memory(engine->instance);
  if (memory == NULL)
    return TL_E_ENGINE;
  engine->memory = wasm_memory_get_base_address(memory);
  engine->memory_bytes = (uint32_t)(wasm_memory_get_cur_page_count(memory) * wasm_memory_get_bytes_per_page(memory));
#ifndef TL_WAMR_UNBOUNDED
  /*
   * A port whose page size is larger than the memory's granularity lets the module read and write behind its memory: WAMR maps the
   * exact size and rounds the bound up. Such a port needs a core whose memory is padded to its page size (docs/firmware.md).
   */
  if (wasm_runtime_validate_app_addr(engine->instance, engine->memory_bytes, 1))
    return TL_E_ENGINE;
  wasm_runtime_clear_exception(engine->instance);
#endif
  return TL_OK;
}

tl_status tl_engine_open(tl_engine **result, void *memory, uint32_t bytes, const tl_engine_options *options) {
  tl_engine *engine = memory;
  RuntimeInitArgs init;
  tl_status status;

  *result = NULL;
  if (options == NULL || options->wasm == NULL || options->pool == NULL)
    return TL_E_ARGUMENT;
  if (memory == NULL || ((uintptr_t)memory & 7) != 0 || bytes < sizeof *engine + 16 * sizeof engine->functions[0])
    return TL_E_MEMORY;
  memset(engine, 0, sizeof *engine);
  engine->room = (uint32_t)((bytes - sizeof *engine) / sizeof engine->functions[0]);
  engine->pool = options->pool;
  engine->pool_bytes = options->pool_bytes;
  memset(&init, 0, sizeof init);
  init.mem_alloc_type = Alloc_With_Pool;
  init.mem_alloc_option.pool.heap_buf = options->pool;
  init.mem_alloc_option.pool.heap_size = options->pool_bytes;
  if (!wasm_runtime_full_init(&init))
    return TL_E_MEMORY;
  status = load(engine, options);
  if (status != TL_OK)
    stop(engine);
  else
    *result = engine;
  return status;
}

void tl_engine_close(tl_engine *engine) {
  if (engine != NULL && engine->instance != NULL)
    stop(engine);
}

uint8_t *tl_engine_memory(tl_engine *engine, uint32_t *bytes) {
  *bytes = engine->memory_bytes;
  return engine->memory;
}

int tl_engine_export(tl_engine *engine, const char *name) {
  wasm_function_inst_t function = wasm_runtime_lookup_function(engine->instance, name);
  uint32_t at;

  if (function == NULL)
    return TL_E_ARGUMENT;
  for (at = 0; at < engine->functions_known; at++)
    if (engine->functions[at] == function)
      return (int)at;
  if (at == engine->room)
    return TL_E_MEMORY;
  engine->functions[engine->functions_known++] = function;
  return (int)at;
}

tl_status tl_engine_global(tl_engine *engine, const char *name, uint32_t *value) {
  wasm_global_inst_t global;

  if (!wasm_runtime_get_export_global_inst(engine->instance, name, &global) || global.kind != WASM_I32)
    return TL_E_ARGUMENT;
  memcpy(value, global.global_data, sizeof *value);
  return TL_OK;
}

tl_status tl_engine_call(tl_engine *engine, int function, const uint32_t *arguments, uint32_t count, uint32_t *result) {
  uint32_t cells[TL_ENGINE_ARGUMENTS] = { 0 };

  if (function < 0 || (uint32_t)function >= engine->functions_known || count > TL_ENGINE_ARGUMENTS)
    return TL_E_ARGUMENT;
  if (engine->trapped)
    return TL_E_TRAP;
  if (count != 0)
    memcpy(cells, arguments, count * sizeof cells[0]);
  if (!wasm_runtime_call_wasm(engine->env, engine->functions[function], count, cells)) {
    engine->trapped = true;
    return TL_E_TRAP;
  }
  *result = cells[0];
  return TL_OK;
}
