// core-legacy: the session keys of the older protocol.
export { abi_version } from "../version";
export { legacy_arena, legacy_arena_bytes, session_key_add, session_key_begin, session_key_end } from "../legacy/keys";
export { __data_end, __heap_base };
