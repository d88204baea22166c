/*
 * The seam between the client and what runs the core: one engine is linked into a firmware, chosen at build time. An engine is
 * one file that defines these functions; docs/firmware.md says how a third one is written.
 *
 * An engine knows nothing of Tidelock: it loads a module, gives its memory, and calls its exports. All exports take and return u32.
 */
#ifndef TIDELOCK_ENGINE_H
#define TIDELOCK_ENGINE_H

#include "tidelock.h"

#ifdef __cplusplus
extern "C" {
#endif

/* No export of the cores takes more parameters. */
#define TL_ENGINE_ARGUMENTS 7

typedef struct tl_engine tl_engine;

/* Bytes of memory for tl_engine_open; TL_ENGINE_BYTES is at least as much at compile time. */
uint32_t tl_engine_bytes(void);
/* Makes the engine in `memory` (aligned to 8) and loads the core. TL_E_MEMORY: memory or pool too small; TL_E_ENGINE: not a core. */
tl_status tl_engine_open(tl_engine **engine, void *memory, uint32_t bytes, const tl_engine_options *options);
/* Wipes the linear memory and everything that held a copy of its contents. */
void tl_engine_close(tl_engine *engine);
/* The linear memory and its size, which never change while the engine is open. */
uint8_t *tl_engine_memory(tl_engine *engine, uint32_t *bytes);
/* A handle of the exported function, zero or more; TL_E_ARGUMENT: there is none of this name. */
int tl_engine_export(tl_engine *engine, const char *name);
/* The value of an exported i32 global, e.g. "__heap_base" or "__data_end". */
tl_status tl_engine_global(tl_engine *engine, const char *name, uint32_t *value);
/* Calls it; *result is 0 for one without a result. TL_E_TRAP: the core trapped, and every later call is TL_E_TRAP too. */
tl_status tl_engine_call(tl_engine *engine, int function, const uint32_t *arguments, uint32_t count, uint32_t *result);

#ifdef __cplusplus
}
#endif
#endif
