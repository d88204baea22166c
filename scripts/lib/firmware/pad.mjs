/**
 * A core whose linear memory fills whole pages of a platform. WAMR shrinks the memory to __heap_base, but rounds the bound up to the
 * platform's page size, so on ESP-IDF's port (4,096) a core could read and write behind its memory. Where both globals end on a page
 * the rounded bound is the true one.
 */

const GLOBALS = 6;
const EXPORTS = 7;
const I32 = 0x7f;
const I32_CONST = 0x41;
const END = 0x0b;
const GLOBAL_KIND = 3;

/** Reads LEB128 numbers (WebAssembly 5.2.2) one after the other. */
class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error('the module ends too early');
    return byte;
  }

  unsigned() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  /** @param {number} count */
  take(count) {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}

/** @param {number} value */
function unsigned(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value !== 0);
  return bytes;
}

/** A positive number as the signed LEB128 of an i32.const: bit 6 of the last byte is its sign. @param {number} value */
function signed(value) {
  const bytes = unsigned(value);
  const last = bytes.length - 1;
  if ((/** @type {number} */ (bytes[last]) & 0x40) !== 0) bytes.splice(last, 1, /** @type {number} */ (bytes[last]) | 0x80, 0);
  return bytes;
}

/** @param {Uint8Array} wasm */
function sections(wasm) {
  const reader = new Reader(wasm, 8);
  const all = [];
  while (reader.at < wasm.length) {
    const id = reader.byte();
    all.push({ id, body: reader.take(reader.unsigned()) });
  }
  return all;
}

/** Index of the exported global of each name. @param {Uint8Array} body */
function exportedIndexes(body) {
  const reader = new Reader(body);
  const indexes = /** @type {Map<string, number>} */ (new Map());
  for (let left = reader.unsigned(); left > 0; left--) {
    const name = Buffer.from(reader.take(reader.unsigned())).toString();
    const kind = reader.byte();
    const index = reader.unsigned();
    if (kind === GLOBAL_KIND) indexes.set(name, index);
  }
  return indexes;
}

/**
 * The section of globals with those of `indexes` raised to a multiple of `page`. The cores import no global, so indexes begin here.
 * @param {Uint8Array} body
 * @param {Set<number>} indexes
 * @param {number} page
 */
function raise(body, indexes, page) {
  const reader = new Reader(body);
  const count = reader.unsigned();
  const out = unsigned(count);
  for (let index = 0; index < count; index++) {
    const type = reader.byte();
    const mutable = reader.byte();
    const from = reader.at;
    const opcode = reader.byte();
    const value = reader.unsigned(); // whatever its type, the number ends where the LEB128 does
    if (reader.byte() !== END) throw new Error(`global ${index} is no constant`);
    if (!indexes.has(index)) {
      out.push(type, mutable, ...body.subarray(from, reader.at));
      continue;
    }
    if (type !== I32 || mutable !== 0 || opcode !== I32_CONST) throw new Error(`global ${index} is no constant i32`);
    out.push(type, mutable, I32_CONST, ...signed(Math.ceil(value / page) * page), END);
  }
  return out;
}

/**
 * @param {Uint8Array} wasm  a core
 * @param {number} page  bytes of the platform's page
 * @returns {Uint8Array}
 */
export function pad(wasm, page) {
  const all = sections(wasm);
  const exports = all.find(({ id }) => id === EXPORTS);
  const indexes = exports && exportedIndexes(exports.body);
  const ends = ['__heap_base', '__data_end'].map((name) => indexes?.get(name));
  if (ends.includes(undefined)) throw new Error('the module does not export __heap_base and __data_end');
  const wanted = new Set(/** @type {number[]} */ (ends));
  return Buffer.concat([
    wasm.subarray(0, 8),
    ...all.map(({ id, body }) => {
      const now = id === GLOBALS ? Buffer.from(raise(body, wanted, page)) : body;
      return Buffer.concat([Buffer.from([id, ...unsigned(now.length)]), now]);
    }),
  ]);
}
