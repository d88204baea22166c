/** The process of one benchmark: loads its module, sends rows, notes and progress to run.mjs. */

import { OWN_CPU, ownCpu } from './compare.mjs';
import { codeOf, messageOf, trace } from './errors.mjs';

// A benchmark whose starter is gone has no reader: it must not go on alone.
process.on('disconnect', () => process.exit(1));

process.once('message', async (/** @type {any} */ { file, name, quick }) => {
  const emit = (event) => process.send?.(event);
  try {
    const { run } = await import(new URL(`../${file}`, import.meta.url).href);
    await run({
      name,
      quick,
      emit,
      row: (row) => emit({ kind: 'row', row }),
      skip: (text) => emit({ kind: 'skipped', text: `${name}: skipped, ${text}` }),
      note: (text) => emit({ kind: 'note', text: `${name}: ${text}` }),
    });
    const own = ownCpu();
    if (own !== undefined && own < OWN_CPU) {
      emit({ kind: 'note', text: `${name}: [other programs had the CPU ${(100 * (1 - own)).toFixed(0)} % of the time: run it again on a quiet machine]` });
    }
  } catch (error) {
    const missing = codeOf(error) === 'ERR_MODULE_NOT_FOUND' && /dist/.test(messageOf(error));
    const text = missing ? 'the package is not built: npm run build' : messageOf(error);
    emit({ kind: 'failed', text });
    trace(error);
  }
  // The channel is flushed before it closes; only then may the process end.
  process.removeAllListeners('disconnect');
  process.once('disconnect', () => process.exit(0));
  process.disconnect();
});
