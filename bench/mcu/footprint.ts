/**
 * RAM and flash of the whole device client, nothing of a board's or a program's in it. Flash: the sections of the client's, the
 * engine's and the core's objects that the linker kept, the C library left out. RAM: tl_config.memory, the interpreter's smallest pool,
 * the deepest stack of a session's calls (painted), and an outbox and a part of 512 bytes each.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type EngineName, buildImage } from '../../scripts/lib/firmware/image.mjs';
import { root } from '../../scripts/lib/root.mjs';
import { type Board, instructions } from './measure.js';

const QUEUE = 512 + 512;
const CLIENT = ['client', 'events', 'outbox', 'core', 'query'];
const STACKS = 16; // what the smallest pool is looked for in, bytes

export interface Footprint {
  ram: number;
  flash: number;
  parts: string;
}

/** Bytes that the linker kept of objects whose names match, by the image's map. */
function kept(image: string, objects: RegExp, sections: RegExp): number {
  const map = readFileSync(`${image}.map`, 'utf8');
  const used = map.slice(map.indexOf('Linker script and memory map'));
  let bytes = 0;
  for (const [, section = '', size = '0', object = ''] of used.matchAll(/^ (\.[\w.$-]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$/gm)) {
    if (objects.test(object) && sections.test(section)) bytes += parseInt(size, 16);
  }
  return bytes;
}

/** The smallest pool with which a session runs. */
async function smallestPool(board: Board, engine: 'wamr-fast' | 'wamr-classic', core: string, defines: string[], wasm: string | undefined): Promise<number> {
  const suite = 'sealed';
  const runs = async (bytes: number): Promise<boolean> => {
    try {
      await instructions(board, engine, suite, core, [...defines, `POOL_BYTES=${bytes}`], wasm);
      return true;
    } catch {
      return false;
    }
  };
  let [low, high] = [4_096, 65_536];
  while (high - low > 256) {
    const middle = Math.ceil((low + high) / 2 / STACKS) * STACKS;
    if (await runs(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** `padded`: the core and the pages of ESP-IDF's own port of WAMR, 4 KiB. */
export async function footprint(board: Board, engine: Exclude<EngineName, 'none'>, core: string, padded = false): Promise<Footprint> {
  // The smallest is taken where RAM counts most: dispatch by switch makes the fast interpreter's code a third shorter.
  const wasm = padded ? path.join(root, 'dist/firmware/wasm-4k', `${core}.wasm`) : undefined;
  const defines = padded ? ['TL_PAGE_SIZE=4096'] : engine === 'wamr-fast' && core === 'core-device-small' ? ['WASM_ENABLE_LABELS_AS_VALUES=0', 'WASM_STACK=1536'] : [];
  const image = await buildImage({
    board, engine, core, defines, ...(wasm === undefined ? {} : { wasm }), sources: ['bench/mcu/whole.c', ...CLIENT.map((name) => `dist/firmware/src/${name}.c`)],
  });
  const ours = new RegExp(`/(${CLIENT.join('|')}|engine-\\w+|core-wasm|wasm_\\w+|bh_\\w+|ems_\\w+|mem_\\w+|invokeNative\\w*|platform)-[cS]-`);
  const flash = kept(image, ours, /^\.(text|rodata|data|srodata|sdata)/);
  const memory = kept(image, /\/whole-c-/, /^\.bss\.tl_bench_memory/);
  const statics = kept(image, ours, /^\.(bss|data|sbss|sdata)/);
  const { stack } = await instructions(board, engine === 'wasm2c' ? 'wasm2c' : engine, 'sealed', core, defines, wasm);
  const pool = engine === 'wasm2c' ? 0 : await smallestPool(board, engine, core, defines, wasm);
  const total = memory + statics + pool + stack + QUEUE;
  return { ram: total, flash, parts: `client ${memory}${pool ? `, pool ${pool}` : ''}${statics ? `, static ${statics}` : ''}, stack ${stack}, queue ${QUEUE}` };
}
