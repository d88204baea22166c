/** Runs the programs of bench/mcu on a board in QEMU, whose instruction counter is the same on every machine and run. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BOARDS, type BoardName } from '../../scripts/lib/firmware/boards.mjs';
import { type EngineName, buildImage } from '../../scripts/lib/firmware/image.mjs';
import { type Scene, type Suite, scene } from './scene.js';

export type Board = Exclude<BoardName, 'host'>;
/** -hal: core-device-hal with the block functions in C (firmware-shims/src/hal.c); else core-device. */
export type Runner = 'native' | 'wasm2c' | 'wasm2c-hal' | 'wamr-fast' | 'wamr-fast-hal' | 'wamr-classic';

export interface Instructions {
  /** The calls of a handshake together: HELLO, CHALLENGE to PROOF, READY. */
  handshake: number;
  sign: number;
  verify: number;
  /** Deepest stack of a call, bytes. */
  stack: number;
}

const scenes = new Map<string, Scene>();

function sceneOf(core: string, suite: Suite): Scene {
  const key = `${core} ${suite}`;
  let found = scenes.get(key);
  if (found === undefined) scenes.set(key, (found = scene(core, suite)));
  return found;
}

/** What a program printed: its measured calls in order. Throws where it failed. */
function onBoard(board: Board, image: string, files: Record<string, string>): { name: string; count: number; stack: number }[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-mcu-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
    const [command, ...words] = BOARDS[board].qemu!;
    const { status, stdout, stderr } = spawnSync(command!, [...words, '-icount', 'shift=0', '-kernel', image, '-display', 'none', '-monitor', 'none', '-serial', 'none'], {
      cwd: folder, encoding: 'utf8', timeout: 180_000,
    });
    const said = stdout + stderr;
    const calls = [...said.matchAll(/^(?:c )?(\w+).* = (\d+) (\d+)$/gm)].map(([, name, count, stack]) => ({ name: name!, count: Number(count), stack: Number(stack) }));
    if (status !== 0 || said.includes('OTHER BYTES') || calls.length === 0) throw new Error(`${board}, ${image}: ${status}\n${said}`);
    return calls;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const coreOf = (runner: Runner): string => (runner.endsWith('-hal') ? 'core-device-hal' : 'core-device');
export const engineOf = (runner: Runner): EngineName | 'none' => (runner === 'native' ? 'none' : (runner.replace('-hal', '') as EngineName));

/** Instructions of one runner. `core`: another build in place of core-device. `defines`: for the program and the engine. */
export async function instructions(board: Board, runner: Runner, suite: Suite, core = coreOf(runner), defines: string[] = [], wasm?: string): Promise<Instructions> {
  if (runner === 'native') {
    // Boards are compiled -ffreestanding; with the compiler's own memcpy native C is as good as it can be.
    const image = await buildImage({ board, engine: 'none', flags: ['-fbuiltin'], sources: ['bench/mcu/native.c', 'firmware-shims/src/hal.c', ...['hash', 'aead', 'frame'].map((name) => `bench/native/${name}.c`)] });
    const calls = onBoard(board, image, { native: sceneOf('core-device', suite).native });
    const of = (name: string): number => calls.find((call) => call.name === name)!.count;
    return { handshake: 0, sign: of('sign'), verify: of('verify'), stack: 0 };
  }
  const image = await buildImage({
    board, engine: engineOf(runner), core, sources: ['bench/mcu/message.c', 'test/firmware/c/replay.c'],
    flags: ['-Itest/firmware/c'], defines: ['REPLAY_CLOCK=board_instructions', ...defines], ...(wasm === undefined ? {} : { wasm }),
  });
  const calls = onBoard(board, image, { in: sceneOf(core, suite).trace });
  const rx = calls.filter(({ name }) => name === 'rx'), first = calls.find(({ name }) => name === 'connected')!;
  return {
    handshake: first.count + rx.slice(0, -1).reduce((sum, { count }) => sum + count, 0),
    sign: calls.find(({ name }) => name === 'send')!.count,
    verify: rx.at(-1)!.count,
    stack: Math.max(...calls.map(({ stack }) => stack)),
  };
}

/** One SHA-256 block of 64 bytes alone; under an engine a call of the core's test twin, so the way into the engine is in it. */
export async function shaBlock(board: Board, runner: Runner): Promise<number> {
  const native = runner === 'native';
  const image = await buildImage({
    board, engine: engineOf(runner), core: `${coreOf(runner)}-test`, sources: ['bench/mcu/hash.c', ...(native ? ['firmware-shims/src/hal.c'] : [])],
    defines: native ? ['BENCH_NATIVE'] : runner.startsWith('wasm2c') ? ['TL_ENGINE_BYTES=8192'] : [],
  });
  return onBoard(board, image, {})[0]!.count;
}
