/** The imports of core-device-hal, never called. */
const BLOCKS = { env: { sha256_blocks: () => undefined, chacha20_blocks: () => undefined } };

/**
 * The i32 globals that a module exports, by name: read from an instance, which runs nothing.
 * @param {Uint8Array} wasm
 * @returns {Record<string, number>}
 */
export function exportedGlobals(wasm) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(/** @type {Uint8Array<ArrayBuffer>} */ (wasm)), BLOCKS);
  return Object.fromEntries(
    Object.entries(exports).flatMap(([name, value]) => (value instanceof WebAssembly.Global ? [[name, /** @type {number} */ (value.value)]] : [])),
  );
}
