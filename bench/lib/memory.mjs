/** Memory of this process after its garbage is gone. */

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @returns {Promise<{ rss: number, heap: number }>} bytes; heap: JavaScript heap in use and memory held outside it */
export async function settledMemory() {
  // One collection leaves what finalizers free (sockets, WASM memories) to the next.
  for (let turn = 0; turn < 4; turn++) {
    if (globalThis.gc === undefined) throw new Error('this process was started without --expose-gc');
    globalThis.gc();
    await pause(100);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}
