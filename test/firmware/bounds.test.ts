// A core reads and writes its own memory, and not one byte behind it, on every engine and board.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { skipMissing } from '../support/skip.js';
import { BOARD_NAMES, ENGINE_NAMES, missingPart, remoteImage } from './images.js';
import { RemoteInstance, Trap } from './remote.js';

for (const board of BOARD_NAMES) {
  for (const engine of ENGINE_NAMES) {
    const missing = missingPart(board, engine);
    const run = missing ? skipMissing(test, missing) : test;
    run(`${board}, ${engine}: an access one byte beyond the linear memory traps`, async () => {
      const image = await remoteImage(board, engine, 'core-device');
      const fresh = () => new RemoteInstance(board, image);
      const end = fresh().memory.buffer.byteLength;
      assert.ok(end < 8_192 && end % 16 === 0, `the memory is as small as the core: ${end}`);
      for (const bytes of [1, 2, 4, 8, 60]) {
        fresh().call('wipe', [end - bytes, bytes]);
        assert.throws(() => fresh().call('wipe', [end - bytes + 1, bytes]), (error: Error) => error instanceof Trap, `${bytes} bytes`);
      }
      assert.throws(() => fresh().call('wipe', [end, 1]), (error: Error) => error instanceof Trap);
      assert.throws(() => fresh().call('wipe', [0xffff_fff0, 32]), (error: Error) => error instanceof Trap);
      // Reading too.
      assert.throws(() => fresh().call('equal', [16, end - 7, 8]), (error: Error) => error instanceof Trap);
      // After a trap nothing is called any more.
      const trapped = fresh();
      assert.throws(() => trapped.call('wipe', [end, 1]), (error: Error) => error instanceof Trap);
      assert.throws(() => trapped.call('abi_version', []), (error: Error) => error instanceof Trap);
    });
  }
}

for (const engine of ['wamr-fast', 'wamr-classic'] as const) {
  const missing = missingPart('rv32', engine);
  const run = missing ? skipMissing(test, missing) : test;
  run(`rv32, ${engine}: a platform whose pages are larger than the memory's grain is refused`, async () => {
    const image = await remoteImage('rv32', engine, 'core-device', { defines: ['TL_PAGE_SIZE=4096'] });
    assert.throws(() => new RemoteInstance('rv32', image), /opening the engine failed with -36/);
  });

  run(`rv32, ${engine}: the fault itself, where nobody looks for it`, async () => {
    const image = await remoteImage('rv32', engine, 'core-device', { defines: ['TL_PAGE_SIZE=4096', 'TL_WAMR_UNBOUNDED'] });
    const core = new RemoteInstance('rv32', image);
    // This is WAMR's: the byte lies behind the memory that was mapped. Where it traps one day, the check above is idle.
    core.call('wipe', [core.memory.buffer.byteLength, 1]);
  });
}

test.run();
