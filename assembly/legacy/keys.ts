// Session keys of STCP and DSTCP: the upper-case hexadecimal MD5 of key ‖ random number, or of
// key ‖ random number ‖ data. Both are MD5 of what the peers concatenate, so the host hands over the parts in that
// order, in as many pieces as it likes.
import { E_ARGUMENT, OK } from "../abi";
import { md5Begin, md5End, md5Update } from "../crypto/md5";

/** The arena: 32 characters of the session key, then room for input. */
const KEY_CHARACTERS: u32 = 32;
const INPUT_BYTES: u32 = 224;
const ARENA: usize = memory.data(256, 16);
const INPUT: usize = ARENA + KEY_CHARACTERS;

/** Address of the arena: the session key (32 characters), then the input (224 bytes). */
export function legacy_arena(): usize {
  return ARENA;
}

/** Size of the arena in bytes. */
export function legacy_arena_bytes(): u32 {
  return KEY_CHARACTERS + INPUT_BYTES;
}

/** Begins a session key. */
export function session_key_begin(): void {
  md5Begin();
}

/** Takes the first `bytes` bytes of the input (0 to 224) as the next part and wipes them. E_ARGUMENT: too many. */
export function session_key_add(bytes: u32): i32 {
  if (bytes > INPUT_BYTES) return E_ARGUMENT;
  md5Update(INPUT, bytes);
  memory.fill(INPUT, 0, bytes);
  return OK;
}

/** Writes the session key to the arena's first 32 bytes. Begin again before the next. */
export function session_key_end(): void {
  md5End(INPUT);
  for (let i: u32 = 0; i < KEY_CHARACTERS; ++i) {
    const digit: u32 = (load<u8>(INPUT + (i >>> 1)) >>> (i & 1 ? 0 : 4)) & 15;
    store<u8>(ARENA + i, digit + (digit < 10 ? 0x30 : 0x37));
  }
  memory.fill(INPUT, 0, 16);
}
