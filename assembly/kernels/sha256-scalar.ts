// SHA-256's compression function, fully unrolled, the message schedule in locals: for engines without SIMD.
// Unrolled by 16 with the constants in memory it took 0.27 µs a block where this takes 0.23 (Node 20).
// maj(a, b, c) is b ^ ((a ^ b) & (b ^ c)), and this round's a ^ b is the next round's b ^ c: x and y take turns.

// @ts-ignore: decorator
@inline
function small0(x: u32): u32 {
  return rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >>> 3);
}

// @ts-ignore: decorator
@inline
function small1(x: u32): u32 {
  return rotr<u32>(x, 17) ^ rotr<u32>(x, 19) ^ (x >>> 10);
}

// @ts-ignore: decorator
@inline
function big0(a: u32): u32 {
  return rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
}

// @ts-ignore: decorator
@inline
function big1(e: u32): u32 {
  return rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
}

// @ts-ignore: decorator
@inline
function ch(e: u32, f: u32, g: u32): u32 {
  return g ^ (e & (f ^ g));
}

/** Takes `blocks` blocks of 64 bytes at `data` into the state at `from` and writes it to `to`; both may be the same. */
export function compressScalar(from: usize, to: usize, data: usize, blocks: u32): void {
  let a = load<u32>(from, 0), b = load<u32>(from, 4);
  let c = load<u32>(from, 8), d = load<u32>(from, 12);
  let e = load<u32>(from, 16), f = load<u32>(from, 20);
  let g = load<u32>(from, 24), h = load<u32>(from, 28);
  for (; blocks; --blocks) {
    let w0 = bswap<u32>(load<u32>(data, 0)),
      w1 = bswap<u32>(load<u32>(data, 4)),
      w2 = bswap<u32>(load<u32>(data, 8)),
      w3 = bswap<u32>(load<u32>(data, 12));
    let w4 = bswap<u32>(load<u32>(data, 16)),
      w5 = bswap<u32>(load<u32>(data, 20)),
      w6 = bswap<u32>(load<u32>(data, 24)),
      w7 = bswap<u32>(load<u32>(data, 28));
    let w8 = bswap<u32>(load<u32>(data, 32)),
      w9 = bswap<u32>(load<u32>(data, 36)),
      w10 = bswap<u32>(load<u32>(data, 40)),
      w11 = bswap<u32>(load<u32>(data, 44));
    let w12 = bswap<u32>(load<u32>(data, 48)),
      w13 = bswap<u32>(load<u32>(data, 52)),
      w14 = bswap<u32>(load<u32>(data, 56)),
      w15 = bswap<u32>(load<u32>(data, 60));
    let x: u32, y = b ^ c;
    h = (h + 0x428a2f98 + w0 + ch(e, f, g)) + big1(e); d += h; x = a ^ b; h = h + (b ^ (x & y)) + big0(a);
    g = (g + 0x71374491 + w1 + ch(d, e, f)) + big1(d); c += g; y = h ^ a; g = g + (a ^ (y & x)) + big0(h);
    f = (f + 0xb5c0fbcf + w2 + ch(c, d, e)) + big1(c); b += f; x = g ^ h; f = f + (h ^ (x & y)) + big0(g);
    e = (e + 0xe9b5dba5 + w3 + ch(b, c, d)) + big1(b); a += e; y = f ^ g; e = e + (g ^ (y & x)) + big0(f);
    d = (d + 0x3956c25b + w4 + ch(a, b, c)) + big1(a); h += d; x = e ^ f; d = d + (f ^ (x & y)) + big0(e);
    c = (c + 0x59f111f1 + w5 + ch(h, a, b)) + big1(h); g += c; y = d ^ e; c = c + (e ^ (y & x)) + big0(d);
    b = (b + 0x923f82a4 + w6 + ch(g, h, a)) + big1(g); f += b; x = c ^ d; b = b + (d ^ (x & y)) + big0(c);
    a = (a + 0xab1c5ed5 + w7 + ch(f, g, h)) + big1(f); e += a; y = b ^ c; a = a + (c ^ (y & x)) + big0(b);
    h = (h + 0xd807aa98 + w8 + ch(e, f, g)) + big1(e); d += h; x = a ^ b; h = h + (b ^ (x & y)) + big0(a);
    g = (g + 0x12835b01 + w9 + ch(d, e, f)) + big1(d); c += g; y = h ^ a; g = g + (a ^ (y & x)) + big0(h);
    f = (f + 0x243185be + w10 + ch(c, d, e)) + big1(c); b += f; x = g ^ h; f = f + (h ^ (x & y)) + big0(g);
    e = (e + 0x550c7dc3 + w11 + ch(b, c, d)) + big1(b); a += e; y = f ^ g; e = e + (g ^ (y & x)) + big0(f);
    d = (d + 0x72be5d74 + w12 + ch(a, b, c)) + big1(a); h += d; x = e ^ f; d = d + (f ^ (x & y)) + big0(e);
    c = (c + 0x80deb1fe + w13 + ch(h, a, b)) + big1(h); g += c; y = d ^ e; c = c + (e ^ (y & x)) + big0(d);
    b = (b + 0x9bdc06a7 + w14 + ch(g, h, a)) + big1(g); f += b; x = c ^ d; b = b + (d ^ (x & y)) + big0(c);
    a = (a + 0xc19bf174 + w15 + ch(f, g, h)) + big1(f); e += a; y = b ^ c; a = a + (c ^ (y & x)) + big0(b);
    w0 += small0(w1) + w9 + small1(w14);
    h = (h + 0xe49b69c1 + w0 + ch(e, f, g)) + big1(e); d += h; x = a ^ b; h = h + (b ^ (x & y)) + big0(a);
    w1 += small0(w2) + w10 + small1(w15);
    g = (g + 0xefbe4786 + w1 + ch(d, e, f)) + big1(d); c += g; y = h ^ a; g = g + (a ^ (y & x)) + big0(h);
    w2 += small0(w3) + w11 + small1(w0);
    f = (f + 0x0fc19dc6 + w2 + ch(c, d, e)) + big1(c); b += f; x = g ^ h; f = f + (h ^ (x & y)) + big0(g);
    w3 += small0(w4) + w12 + small1(w1);
    e = (e + 0x240ca1cc + w3 + ch(b, c, d)) + big1(b); a += e; y = f ^ g; e = e + (g ^ (y & x)) + big0(f);
    w4 += small0(w5) + w13 + small1(w2);
    d = (d + 0x2de92c6f + w4 + ch(a, b, c)) + big1(a); h += d; x = e ^ f; d = d + (f ^ (x & y)) + big0(e);
    w5 += small0(w6) + w14 + small1(w3);
    c = (c + 0x4a7484aa + w5 + ch(h, a, b)) + big1(h); g += c; y = d ^ e; c = c + (e ^ (y & x)) + big0(d);
    w6 += small0(w7) + w15 + small1(w4);
    b = (b + 0x5cb0a9dc + w6 + ch(g, h, a)) + big1(g); f += b; x = c ^ d; b = b + (d ^ (x & y)) + big0(c);
    w7 += small0(w8) + w0 + small1(w5);
    a = (a + 0x76f988da + w7 + ch(f, g, h)) + big1(f); e += a; y = b ^ c; a = a + (c ^ (y & x)) + big0(b);
    w8 += small0(w9) + w1 + small1(w6);
    h = (h + 0x983e5152 + w8 + ch(e, f, g)) + big1(e); d += h; x = a ^ b; h = h + (b ^ (x & y)) + big0(a);
    w9 += small0(w10) + w2 + small1(w7);
    g = (g + 0xa831c66d + w9 + ch(d, e, f)) + big1(d); c += g; y = h ^ a; g = g + (a ^ (y & x)) + big0(h);
    w10 += small0(w11) + w3 + small1(w8);
    f = (f + 0xb00327c8 + w10 + ch(c, d, e)) + big1(c); b += f; x = g ^ h; f = f + (h ^ (x & y)) + big0(g);
    w11 += small0(w12) + w4 + small1(w9);
    e = (e + 0xbf597fc7 + w11 + ch(b, c, d)) + big1(b); a += e; y = f ^ g; e = e + (g ^ (y & x)) + big0(f);
    w12 += small0(w13) + w5 + small1(w10);
    d = (d + 0xc6e00bf3 + w12 + ch(a, b, c)) + big1(a); h += d; x = e ^ f; d = d + (f ^ (x & y)) + big0(e);
    w13 += small0(w14) + w6 + small1(w11);
    c = (c + 0xd5a79147 + w13 + ch(h, a, b)) + big1(h); g += c; y = d ^ e; c = c + (e ^ (y & x)) + big0(d);
    w14 += small0(w15) + w7 + small1(w12);
    b = (b + 0x06ca6351 + w14 + ch(g, h, a)) + big1(g); f += b; x = c ^ d; b = b + (d ^ (x & y)) + big0(c);
    w15 += small0(w0) + w8 + small1(w13);
    a = (a + 0x14292967 + w15 + ch(f, g, h)) + big1(f); e += a; y = b ^ c; a = a + (c ^ (y & x)) + big0(b);
    w0 += small0(w1) + w9 + small1(w14);
    h = (h + 0x27b70a85 + w0 + ch(e, f, g)) + big1(e); d += h; x = a ^ b; h = h + (b ^ (x & y)) + big0(a);
    w1 += small0(w2) + w10 + small1(w15);
    g = (g + 0x2e1b2138 + w1 + ch(d, e, f)) + big1(d); c += g; y = h ^ a; g = g + (a ^ (y & x)) + big0(h);
    w2 += small0(w3) + w11 + small1(w0);
    f = (f + 0x4d2c6dfc + w2 + ch(c, d, e)) + big1(c); b += f; x = g ^ h; f = f + (h ^ (x & y)) + big0(g);
    w3 += small0(w4) + w12 + small1(w1);
    e = (e + 0x53380d13 + w3 + ch(b, c, d)) + big1(b); a += e; y = f ^ g; e = e + (g ^ (y & x)) + big0(f);
    w4 += small0(w5) + w13 + small1(w2);
    d = (d + 0x650a7354 + w4 + ch(a, b, c)) + big1(a); h += d; x = e ^ f; d = d + (f ^ (x & y)) + big0(e);
    w5 += small0(w6) + w14 + small1(w3);
    c = (c + 0x766a0abb + w5 + ch(h, a, b)) + big1(h); g += c; y = d ^ e; c = c + (e ^ (y & x)) + big0(d);
    w6 += small0(w7) + w15 + small1(w4);
    b = (b + 0x81c2c92e + w6 + ch(g, h, a)) + big1(g); f += b; x = c ^ d; b = b + (d ^ (x & y)) + big0(c);
    w7 += small0(w8) + w0 + small1(w5);
    a = (a + 0x92722c85 + w7 + ch(f, g, h)) + big1(f); e += a; y = b ^ c; a = a + (c ^ (y & x)) + big0(b);
    w8 += small0(w9) + w1 + small1(w6);
    h = (h + 0xa2bfe8a1 + w8 + ch(e, f, g)) + big1(e); d += h; x = a ^ b; h = h + (b ^ (x & y)) + big0(a);
    w9 += small0(w10) + w2 + small1(w7);
    g = (g + 0xa81a664b + w9 + ch(d, e, f)) + big1(d); c += g; y = h ^ a; g = g + (a ^ (y & x)) + big0(h);
    w10 += small0(w11) + w3 + small1(w8);
    f = (f + 0xc24b8b70 + w10 + ch(c, d, e)) + big1(c); b += f; x = g ^ h; f = f + (h ^ (x & y)) + big0(g);
    w11 += small0(w12) + w4 + small1(w9);
    e = (e + 0xc76c51a3 + w11 + ch(b, c, d)) + big1(b); a += e; y = f ^ g; e = e + (g ^ (y & x)) + big0(f);
    w12 += small0(w13) + w5 + small1(w10);
    d = (d + 0xd192e819 + w12 + ch(a, b, c)) + big1(a); h += d; x = e ^ f; d = d + (f ^ (x & y)) + big0(e);
    w13 += small0(w14) + w6 + small1(w11);
    c = (c + 0xd6990624 + w13 + ch(h, a, b)) + big1(h); g += c; y = d ^ e; c = c + (e ^ (y & x)) + big0(d);
    w14 += small0(w15) + w7 + small1(w12);
    b = (b + 0xf40e3585 + w14 + ch(g, h, a)) + big1(g); f += b; x = c ^ d; b = b + (d ^ (x & y)) + big0(c);
    w15 += small0(w0) + w8 + small1(w13);
    a = (a + 0x106aa070 + w15 + ch(f, g, h)) + big1(f); e += a; y = b ^ c; a = a + (c ^ (y & x)) + big0(b);
    w0 += small0(w1) + w9 + small1(w14);
    h = (h + 0x19a4c116 + w0 + ch(e, f, g)) + big1(e); d += h; x = a ^ b; h = h + (b ^ (x & y)) + big0(a);
    w1 += small0(w2) + w10 + small1(w15);
    g = (g + 0x1e376c08 + w1 + ch(d, e, f)) + big1(d); c += g; y = h ^ a; g = g + (a ^ (y & x)) + big0(h);
    w2 += small0(w3) + w11 + small1(w0);
    f = (f + 0x2748774c + w2 + ch(c, d, e)) + big1(c); b += f; x = g ^ h; f = f + (h ^ (x & y)) + big0(g);
    w3 += small0(w4) + w12 + small1(w1);
    e = (e + 0x34b0bcb5 + w3 + ch(b, c, d)) + big1(b); a += e; y = f ^ g; e = e + (g ^ (y & x)) + big0(f);
    w4 += small0(w5) + w13 + small1(w2);
    d = (d + 0x391c0cb3 + w4 + ch(a, b, c)) + big1(a); h += d; x = e ^ f; d = d + (f ^ (x & y)) + big0(e);
    w5 += small0(w6) + w14 + small1(w3);
    c = (c + 0x4ed8aa4a + w5 + ch(h, a, b)) + big1(h); g += c; y = d ^ e; c = c + (e ^ (y & x)) + big0(d);
    w6 += small0(w7) + w15 + small1(w4);
    b = (b + 0x5b9cca4f + w6 + ch(g, h, a)) + big1(g); f += b; x = c ^ d; b = b + (d ^ (x & y)) + big0(c);
    w7 += small0(w8) + w0 + small1(w5);
    a = (a + 0x682e6ff3 + w7 + ch(f, g, h)) + big1(f); e += a; y = b ^ c; a = a + (c ^ (y & x)) + big0(b);
    w8 += small0(w9) + w1 + small1(w6);
    h = (h + 0x748f82ee + w8 + ch(e, f, g)) + big1(e); d += h; x = a ^ b; h = h + (b ^ (x & y)) + big0(a);
    w9 += small0(w10) + w2 + small1(w7);
    g = (g + 0x78a5636f + w9 + ch(d, e, f)) + big1(d); c += g; y = h ^ a; g = g + (a ^ (y & x)) + big0(h);
    w10 += small0(w11) + w3 + small1(w8);
    f = (f + 0x84c87814 + w10 + ch(c, d, e)) + big1(c); b += f; x = g ^ h; f = f + (h ^ (x & y)) + big0(g);
    w11 += small0(w12) + w4 + small1(w9);
    e = (e + 0x8cc70208 + w11 + ch(b, c, d)) + big1(b); a += e; y = f ^ g; e = e + (g ^ (y & x)) + big0(f);
    w12 += small0(w13) + w5 + small1(w10);
    d = (d + 0x90befffa + w12 + ch(a, b, c)) + big1(a); h += d; x = e ^ f; d = d + (f ^ (x & y)) + big0(e);
    w13 += small0(w14) + w6 + small1(w11);
    c = (c + 0xa4506ceb + w13 + ch(h, a, b)) + big1(h); g += c; y = d ^ e; c = c + (e ^ (y & x)) + big0(d);
    w14 += small0(w15) + w7 + small1(w12);
    b = (b + 0xbef9a3f7 + w14 + ch(g, h, a)) + big1(g); f += b; x = c ^ d; b = b + (d ^ (x & y)) + big0(c);
    w15 += small0(w0) + w8 + small1(w13);
    a = (a + 0xc67178f2 + w15 + ch(f, g, h)) + big1(f); e += a; y = b ^ c; a = a + (c ^ (y & x)) + big0(b);
    a += load<u32>(from, 0);
    b += load<u32>(from, 4);
    c += load<u32>(from, 8);
    d += load<u32>(from, 12);
    e += load<u32>(from, 16);
    f += load<u32>(from, 20);
    g += load<u32>(from, 24);
    h += load<u32>(from, 28);
    store<u32>(to, a, 0);
    store<u32>(to, b, 4);
    store<u32>(to, c, 8);
    store<u32>(to, d, 12);
    store<u32>(to, e, 16);
    store<u32>(to, f, 20);
    store<u32>(to, g, 24);
    store<u32>(to, h, 28);
    from = to;
    data += 64;
  }
}
