import { ABI_VERSION } from "../abi";

export { legacy_arena, legacy_arena_bytes, session_key_add, session_key_begin, session_key_end } from "../legacy/keys";
export { __data_end, __heap_base };

export function abi_version(): i32 {
  return ABI_VERSION;
}
