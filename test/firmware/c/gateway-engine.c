/* The engine wasm2c a second time, for the gateway's core, under names of its own. */
#define tl_engine_bytes gw_engine_bytes
#define tl_engine_open gw_engine_open
#define tl_engine_close gw_engine_close
#define tl_engine_memory gw_engine_memory
#define tl_engine_export gw_engine_export
#define tl_engine_global gw_engine_global
#define tl_engine_call gw_engine_call
#undef TL_W2C_FILE
#undef TL_W2C_SCRATCH
#define TL_W2C_FILE GATEWAY_W2C_FILE
#define TL_W2C_SCRATCH 131072u
#define TL_ENGINE_BYTES 1000000
#include "engine-wasm2c.c"
