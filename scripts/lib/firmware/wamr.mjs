/**
 * WAMR's source, which is no part of this repository: `npm run parts` lays it into build/wamr out of the crate wamrx-sys, and
 * WAMR_ROOT names a tree of one's own.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { laid } from '../crates.mjs';
import { root } from '../root.mjs';

/** The folder that holds core/iwasm, or undefined. */
export function wamrRoot() {
  const folder = process.env['WAMR_ROOT'] ?? laid('wamr/wamrx-sys-0.3.0');
  return folder !== undefined && existsSync(path.join(folder, 'core', 'iwasm', 'include', 'wasm_export.h')) ? folder : undefined;
}

const COMMON = [
  'iwasm/common/wasm_c_api.c', // of which the linker keeps wasm_trap_delete alone
  'iwasm/common/wasm_exec_env.c',
  'iwasm/common/wasm_loader_common.c',
  'iwasm/common/wasm_memory.c',
  'iwasm/common/wasm_native.c',
  'iwasm/common/wasm_runtime_common.c',
  'iwasm/interpreter/wasm_loader.c',
  'iwasm/interpreter/wasm_runtime.c',
  'shared/mem-alloc/mem_alloc.c',
  'shared/mem-alloc/ems/ems_alloc.c',
  'shared/mem-alloc/ems/ems_hmu.c',
  'shared/mem-alloc/ems/ems_kfc.c',
  'shared/utils/bh_assert.c',
  'shared/utils/bh_bitmap.c',
  'shared/utils/bh_common.c',
  'shared/utils/bh_hashmap.c',
  'shared/utils/bh_leb128.c',
  'shared/utils/bh_list.c',
  'shared/utils/bh_log.c',
  'shared/utils/bh_vector.c',
];

/** Natives are called with the arguments in registers: one file an architecture. */
const INVOKE = { X86_64: 'invokeNative_em64.s', AARCH64: 'invokeNative_aarch64.s', THUMB: 'invokeNative_general.c', RISCV32_ILP32: 'invokeNative_riscv.S' };

/**
 * What belongs into a firmware besides our engine-wamr.c.
 * @param {object} choice
 * @param {'fast' | 'classic'} choice.interpreter
 * @param {string} choice.target  BUILD_TARGET_… of WAMR, e.g. THUMB
 */
export function wamrParts({ interpreter, target }) {
  const folder = wamrRoot();
  if (!folder) throw new Error('WAMR is not there: npm run parts, or WAMR_ROOT=folder');
  const core = path.join(folder, 'core');
  const platform = path.join(root, 'dist', 'firmware', 'platform', 'bare');
  const invoke = INVOKE[/** @type {keyof typeof INVOKE} */ (target)];
  return {
    sources: [
      ...COMMON,
      `iwasm/common/arch/${invoke}`,
      `iwasm/interpreter/wasm_interp_${interpreter}.c`,
    ].map((file) => path.join(core, file)).concat(path.join(platform, 'platform.c')),
    includes: ['iwasm/include', 'iwasm/common', 'iwasm/interpreter', 'shared/mem-alloc', 'shared/utils', 'shared/platform/include']
      .map((file) => path.join(core, file)).concat(platform),
    /** Included before the interpreter's file. */
    before: path.join(platform, 'unaligned.h'),
    defines: [
      `BUILD_TARGET_${target}`,
      'BH_MALLOC=wasm_runtime_malloc',
      'BH_FREE=wasm_runtime_free',
      'WASM_ENABLE_INTERP=1',
      `WASM_ENABLE_FAST_INTERP=${interpreter === 'fast' ? 1 : 0}`,
      'WASM_ENABLE_BULK_MEMORY=1',
      'WASM_ENABLE_BULK_MEMORY_OPT=1',
      'WASM_ENABLE_SHRUNK_MEMORY=1',
      'WASM_ENABLE_QUICK_AOT_ENTRY=0',
      'WASM_ENABLE_LOG=0',
      'WASM_DISABLE_HW_BOUND_CHECK=1',
      'WASM_DISABLE_STACK_HW_BOUND_CHECK=1',
      'WASM_CPU_SUPPORTS_UNALIGNED_ADDR_ACCESS=1',
    ],
  };
}
