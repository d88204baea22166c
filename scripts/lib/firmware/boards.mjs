/** The boards a firmware is built for, their compilers, and how QEMU starts each. */
import { spawnSync } from 'node:child_process';

/**
 * @typedef {object} Board
 * @property {string} compiler  command
 * @property {string} size  command that tells sections
 * @property {string[]} compile  flags of every file
 * @property {string[]} link  flags of the image
 * @property {string} wamrTarget
 * @property {string[]} sources  below firmware-shims/boards
 * @property {string[]} [qemu]  command and machine; none: the image runs here
 */

// not -ffreestanding: it makes every memcpy of four bytes a call
const BARE = ['-ffunction-sections', '-fdata-sections', '-fno-common'];
const SEMIHOSTING = ['-semihosting-config', 'enable=on,target=native'];

const HOST_TARGETS = /** @type {Record<string, string>} */ ({ x64: 'X86_64', arm64: 'AARCH64' });

/** @type {Record<'host' | 'rv32' | 'm3', Board>} */
export const BOARDS = {
  host: {
    compiler: 'gcc',
    size: 'size',
    compile: ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer', '-ffunction-sections'],
    link: ['-fsanitize=address,undefined', '-Wl,--gc-sections', '-Wl,-z,noexecstack', '-lm'],
    wamrTarget: HOST_TARGETS[process.arch] ?? 'X86_64',
    sources: ['host/board.c'],
  },
  rv32: {
    compiler: 'riscv64-unknown-elf-gcc',
    size: 'riscv64-unknown-elf-size',
    compile: ['--specs=picolibc.specs', '-march=rv32imc_zicsr', '-mabi=ilp32', ...BARE],
    // march anew: with _zicsr the compiler finds no library of its own
    link: ['-march=rv32imc', '-nostartfiles', '-T', 'rv32/link.ld', '-Wl,--gc-sections', '-Wl,--defsym=vfprintf=__i_vfprintf'],
    wamrTarget: 'RISCV32_ILP32',
    sources: ['rv32/start.S', 'rv32/board.c', 'semihost.c'],
    qemu: ['qemu-system-riscv32', '-M', 'virt', '-cpu', 'rv32,f=off,d=off,a=off', '-bios', 'none', ...SEMIHOSTING],
  },
  m3: {
    compiler: 'arm-none-eabi-gcc',
    size: 'arm-none-eabi-size',
    compile: ['-mcpu=cortex-m3', '-mthumb', ...BARE],
    link: ['--specs=nano.specs', '--specs=nosys.specs', '-nostartfiles', '-T', 'm3/link.ld', '-Wl,--gc-sections', '-lm'],
    wamrTarget: 'THUMB',
    sources: ['m3/start.c', 'm3/board.c', 'semihost.c'],
    qemu: ['qemu-system-arm', '-M', 'mps2-an385', ...SEMIHOSTING],
  },
};

/** @typedef {keyof typeof BOARDS} BoardName */

/** @type {Map<string, string | undefined>} */
const versions = new Map();

/**
 * The first line that a compiler or another tool says about itself, or undefined where it is not there.
 * @param {string} command
 */
export function versionOf(command) {
  if (!versions.has(command)) {
    const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    versions.set(command, status === 0 ? /** @type {string} */ (stdout).split('\n')[0] : undefined);
  }
  return versions.get(command);
}
