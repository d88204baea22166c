// The programs that the firmware tests run, and what they need.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type BoardName, BOARDS, versionOf } from '../../scripts/lib/firmware/boards.mjs';
import { type EngineName, buildImage } from '../../scripts/lib/firmware/image.mjs';
import { wamrRoot } from '../../scripts/lib/firmware/wamr.mjs';
import { root } from '../../scripts/lib/root.mjs';

export const BOARD_NAMES: BoardName[] = ['host', 'rv32', 'm3'];
export const ENGINE_NAMES: EngineName[] = ['wasm2c', 'wamr-fast', 'wamr-classic'];

/** The C client, without tl_status_text. */
export const CLIENT = ['client', 'events', 'outbox', 'core', 'query'].map((name) => `dist/firmware/src/${name}.c`);

/** The first part that is missing for this board and engine, or undefined. */
export function missingPart(board: BoardName, engine?: EngineName): string | undefined {
  const { compiler, qemu } = BOARDS[board];
  if (!versionOf(compiler)) return compiler;
  if (qemu && !versionOf(qemu[0]!)) return qemu[0];
  if (engine === 'wasm2c' && !existsSync(path.join(root, 'dist/firmware/wasm2c/core-device-test.w2c.h'))) return 'wasm2c of wabt';
  if (engine?.startsWith('wamr') && !wamrRoot()) return "WAMR's source";
  return undefined;
}

const SCRATCH = 61_440; // bytes behind the twin's own memory for inputs, as wasm2c's C has them

/**
 * The twin of a build under test/firmware/programs/remote.c. `scratch`: with memory behind its own, for inputs. WAMR shrinks a
 * memory to `__heap_base`; under another name it leaves all 64 KiB. `wasm`: a file in the twin's place.
 */
export async function remoteImage(board: BoardName, engine: EngineName, build: string, { scratch = false, defines = [] as string[], wasm = undefined as string | undefined } = {}): Promise<string> {
  const core = build.endsWith('-test') ? build : `${build}-test`;
  const extra = scratch ? SCRATCH : 0;
  return buildImage({
    board,
    engine,
    core,
    ...(wasm === undefined ? {} : { wasm }),
    ...(scratch && engine !== 'wasm2c' ? { wasm: unshrunk(core) } : {}),
    sources: ['test/firmware/programs/remote.c'],
    defines: [...defines, ...(engine === 'wasm2c' ? [`TL_W2C_SCRATCH=${extra}u`, 'TL_ENGINE_BYTES=8192'] : ['TL_ENGINE_BYTES=512'])],
  });
}

function unshrunk(core: string): string {
  const wasm = readFileSync(path.join(root, `dist/wasm/${core}.wasm`), 'latin1');
  const file = path.join(root, `build/firmware/${core}-unshrunk.wasm`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.from(wasm.replace('__heap_base', '__heap_bas_'), 'latin1'));
  return file;
}
