/**
 * The core's own test files on the wasm2c engine: each of their calls, with the same memory before it, has the same result and
 * leaves the same memory behind, under AddressSanitizer and UndefinedBehaviorSanitizer.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FIRMWARE, compile, compiling } from './compiled.js';
import { traces } from './traces.js';

const c = compiling(test);
const here = (name: string): string => fileURLToPath(new URL(`c/${name}`, import.meta.url));

/** Memory behind the core's own for the twins' inputs. */
const SCRATCH = 24_576;

function program(core: string, sources: string[]): string {
  const twin = core.endsWith('-test');
  return compile({
    sources: [...sources, 'src/engine-wasm2c.c', 'src/hal.c'],
    defines: { TL_W2C_FILE: `"${path.join(FIRMWARE, 'wasm2c', `${core}.w2c.h`)}"`, TL_ENGINE_BYTES: '8192', ...(twin && { TL_W2C_SCRATCH: `${SCRATCH}u` }) },
  });
}

const CORES: Record<string, number> = {
  'core-device': 1_000, 'core-device-small': 100, 'core-legacy': 100,
  'core-device-test': 2_000, 'core-device-small-test': 2_000, 'core-device-hal-test': 2_000, 'core-legacy-test': 30,
};

for (const [core, least] of Object.entries(CORES)) {
  c(`${core}: every call of the vectors' tests, the same in C`, () => {
    const trace = traces().get(core);
    assert.ok(trace, `there is a trace of ${core}`);
    const { status, stdout, stderr } = spawnSync(program(core, [here('replay.c'), here('replay-main.c')]), { input: trace, encoding: 'utf8' });
    assert.is(status, 0, `${stdout}${stderr}`);
    assert.ok(Number(/^(\d+) calls$/m.exec(stdout)?.[1]) >= least, stdout);
  });
}

c('a trace that was tampered with is not the same: the replay can fail', () => {
  const replay = program('core-device-small', [here('replay.c'), here('replay-main.c')]);
  const trace = traces().get('core-device-small')!;
  const line = /^w (\d+) (\w+)$/gm;
  let writes = 0;
  const spoiled = trace.replace(line, (all, at: string, hex: string) => (++writes === 5 ? `w ${at} ${hex.slice(0, -1)}${hex.endsWith('0') ? '1' : '0'}` : all));
  const { status, stdout, stderr } = spawnSync(replay, { input: spoiled, encoding: 'utf8' });
  assert.is(status, 1, stderr);
  assert.match(stdout + stderr, /left another memory|returned/);
});

c('one byte beyond the linear memory is out of reach, and a core that trapped stays stopped', () => {
  for (const core of ['core-device-test', 'core-device-hal-test']) {
    const { status, stdout, stderr } = spawnSync(program(core, [here('trap-main.c')]), { encoding: 'utf8' });
    assert.is(status, 0, `${stdout}${stderr}`);
    const E_TRAP = -35;
    assert.equal(stdout.trim().split('\n'), ['wipe', 'equal', 'chachaXor'].flatMap((name) => [
      `${name} 4 4 0 0 whole`,
      `${name} 4 5 ${E_TRAP} ${E_TRAP} whole`,
      `${name} 0 1 ${E_TRAP} ${E_TRAP} whole`,
      `${name} ${0x80000000} 4 ${E_TRAP} ${E_TRAP} whole`,
    ]));
  }
});

test.run();
