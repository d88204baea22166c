// MD5 (RFC 1321) and its HMAC, for the older session keys only: MD5 is broken, nothing of Tidelock/1 uses it.

/** T of RFC 1321, 3.4. */
const T: usize = memory.data<u32>([
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
  0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
  0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
  0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
  0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
  0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
  0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
  0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
]);

/** The rotations of each of the four rounds; step t takes entry t % 4 of its round. */
const TURNS: usize = memory.data<u8>([7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]);

/** State (16 bytes), the pending block (64), the bytes taken (4). */
const STATE: usize = memory.data(16 + 64 + 4, 8);
const BLOCK: usize = STATE + 16;
const TAKEN: usize = STATE + 80;

/** Begins a hash. */
export function md5Begin(): void {
  store<u64>(STATE, 0xefcdab8967452301);
  store<u64>(STATE, 0x1032547698badcfe, 8);
  store<u32>(TAKEN, 0);
}

/** Takes `bytes` bytes at `data`; at most 512 MiB in all. */
export function md5Update(data: usize, bytes: u32): void {
  let held = load<u32>(TAKEN);
  store<u32>(TAKEN, held + bytes);
  held &= 63;
  while (held + bytes >= 64) {
    memory.copy(BLOCK + held, data, 64 - held);
    compress();
    data += 64 - held;
    bytes -= 64 - held;
    held = 0;
  }
  memory.copy(BLOCK + held, data, bytes);
}

/** Writes the 16 bytes of the digest to `out` and wipes the context, which saw a key: begin again. */
export function md5End(out: usize): void {
  const taken = load<u32>(TAKEN);
  let held = taken & 63;
  store<u8>(BLOCK + held++, 0x80);
  memory.fill(BLOCK + held, 0, 64 - held);
  if (held > 56) {
    compress();
    memory.fill(BLOCK, 0, 56); // the last eight bytes are stored below
  }
  store<u64>(BLOCK, <u64>taken << 3, 56);
  compress();
  memory.copy(out, STATE, 16);
  memory.fill(STATE, 0, 80);
}

function compress(): void {
  let a = load<u32>(STATE), b = load<u32>(STATE, 4), c = load<u32>(STATE, 8), d = load<u32>(STATE, 12);
  for (let t: u32 = 0; t < 64; ++t) {
    let f: u32, i: u32;
    const round = t >>> 4;
    if (round == 0) {
      f = d ^ (b & (c ^ d));
      i = t;
    } else if (round == 1) {
      f = c ^ (d & (b ^ c));
      i = 5 * t + 1;
    } else if (round == 2) {
      f = b ^ c ^ d;
      i = 3 * t + 5;
    } else {
      f = c ^ (b | ~d);
      i = 7 * t;
    }
    f += a + load<u32>(T + (t << 2)) + load<u32>(BLOCK + ((i & 15) << 2));
    a = d; d = c; c = b;
    b += rotl<u32>(f, load<u8>(TURNS + ((round << 2) | (t & 3))));
  }
  store<u32>(STATE, load<u32>(STATE) + a);
  store<u32>(STATE, load<u32>(STATE, 4) + b, 4);
  store<u32>(STATE, load<u32>(STATE, 8) + c, 8);
  store<u32>(STATE, load<u32>(STATE, 12) + d, 12);
}
