/** Cores padded to whole pages: nothing else of them changes, and on a platform with such pages their memory ends where it says. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pad } from '../../scripts/lib/firmware/pad.mjs';
import { exportedGlobals } from '../../scripts/lib/firmware/wasm-globals.mjs';
import { root } from '../../scripts/lib/root.mjs';
import { skipMissing } from '../support/skip.js';
import { missingPart, remoteImage } from './images.js';
import { RemoteInstance, Trap } from './remote.js';

const read = (file: string): Buffer => readFileSync(path.join(root, file));

for (const core of ['core-device', 'core-device-small', 'core-device-hal']) {
  test(`${core}: only where the memory ends is changed`, () => {
    const wasm = read(`dist/wasm/${core}.wasm`);
    const { __heap_base: end = 0, ...others } = exportedGlobals(wasm);
    assert.equal(Buffer.from(pad(wasm, 16)), wasm, 'it ends on 16 bytes already, so its bytes stay');
    for (const page of [4_096, 65_536]) {
      const padded = Buffer.from(pad(wasm, page));
      const wanted = Math.ceil(end / page) * page;
      assert.equal(exportedGlobals(padded), { ...others, __data_end: wanted, __heap_base: wanted });
      assert.equal(WebAssembly.Module.exports(new WebAssembly.Module(padded)), WebAssembly.Module.exports(new WebAssembly.Module(wasm)));
      assert.equal(Buffer.from(pad(padded, page)), padded, 'once is enough');
    }
    assert.equal(read(`dist/firmware/wasm-4k/${core}.wasm`), Buffer.from(pad(wasm, 4_096)), 'what the package carries');
  });
}

test('a module without those globals is refused', () => {
  assert.throws(() => pad(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), 4_096), /does not export __heap_base/);
});

for (const engine of ['wamr-fast', 'wamr-classic'] as const) {
  const missing = missingPart('rv32', engine);
  const run = missing ? skipMissing(test, missing) : test;
  run(`rv32, ${engine}: with pages of 4,096 the padded core opens, and an access one byte beyond its memory traps`, async () => {
    const wasm = path.join(root, 'build', 'firmware', 'core-device-test-4k.wasm');
    mkdirSync(path.dirname(wasm), { recursive: true });
    writeFileSync(wasm, pad(read('dist/wasm/core-device-test.wasm'), 4_096));
    const image = await remoteImage('rv32', engine, 'core-device', { defines: ['TL_PAGE_SIZE=4096'], wasm });
    const core = new RemoteInstance('rv32', image);
    const end = core.memory.buffer.byteLength;
    assert.is(end, 4_096);
    core.call('wipe', [end - 4, 4]);
    assert.throws(() => core.call('wipe', [end - 3, 4]), (error: Error) => error instanceof Trap);
  });
}

test.run();
