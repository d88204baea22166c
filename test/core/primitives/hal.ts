// The firmware's part of core-device-hal, in JavaScript: the block functions of FIPS 180-4 and RFC 8439.

const K = Uint32Array.from({ length: 64 }, (_, i) => fraction(Math.cbrt, prime(i)));

/** The first 32 bits of the fraction of a prime's root, exactly: FIPS 180-4, 4.2.2. */
function fraction(root: (n: number) => number, p: number): number {
  // The 40 bits before the point of 2^32 * root are found by a double and mended by integers.
  let r = BigInt(Math.floor(root(p) * 2 ** 32));
  const target = BigInt(p) << 96n;
  while (r ** 3n > target) r--;
  while ((r + 1n) ** 3n <= target) r++;
  return Number(r & 0xffffffffn);
}

function prime(index: number): number {
  for (let n = 2, found = -1; ; n++) {
    let factor = 2;
    while (factor * factor <= n && n % factor !== 0) factor++;
    if (factor * factor > n && ++found === index) return n;
  }
}

const right = (x: number, n: number) => (x >>> n) | (x << (32 - n));
const left = (x: number, n: number) => (x << n) | (x >>> (32 - n));

export function sha256Blocks(state: Uint32Array, data: Uint8Array): void {
  const w = new Uint32Array(64);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.length; at += 64) {
    for (let t = 0; t < 64; t++) {
      const x = w[t - 15] ?? 0;
      const y = w[t - 2] ?? 0;
      const sigma0 = right(x, 7) ^ right(x, 18) ^ (x >>> 3);
      const sigma1 = right(y, 17) ^ right(y, 19) ^ (y >>> 10);
      w[t] = t < 16 ? view.getUint32(at + 4 * t) : sigma1 + w[t - 7]! + sigma0 + w[t - 16]!;
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
    for (let t = 0; t < 64; t++) {
      const t1 = h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & f) ^ (~e & g)) + K[t]! + w[t]!;
      const t2 = (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i]! += word));
  }
}

export function chacha20Blocks(state: Uint32Array, data: Uint8Array): void {
  for (let at = 0; at < data.length; at += 64) {
    const x = state.slice();
    for (let round = 0; round < 20; round++) {
      const turn = round % 2; // 0: columns, 1: diagonals
      for (let i = 0; i < 4; i++) quarter(x, i, 4 + ((i + turn) % 4), 8 + ((i + 2 * turn) % 4), 12 + ((i + 3 * turn) % 4));
    }
    const stream = new DataView(new ArrayBuffer(64));
    x.forEach((word, i) => stream.setUint32(4 * i, word + state[i]!, true));
    for (let i = 0; i < 64 && at + i < data.length; i++) data[at + i]! ^= stream.getUint8(i);
    state[12]!++;
  }
}

function quarter(x: Uint32Array, a: number, b: number, c: number, d: number): void {
  for (const [p, q, r, n] of [[a, b, d, 16], [c, d, b, 12], [a, b, d, 8], [c, d, b, 7]] as const) {
    x[p]! += x[q]!;
    x[r] = left(x[r]! ^ x[p]!, n);
  }
}
