/** `tidelock restored`: tells a database that it is a copy from the past, before a gateway uses it. */
import { openDatabase } from './database.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';

/** Throws DATABASE_LOCKED where a gateway has it already, DATABASE_FAILED where it does not exist. */
export async function restored(settings: Settings, output: Output): Promise<void> {
  const registry = await openDatabase(settings, { create: false });
  try {
    const { queue } = await registry.info();
    await registry.restored();
    const left = await registry.info();
    const inDoubt = queue.messages - left.queue.messages;
    if (settings.json) await output.json({ state: 'restored', inDoubt, repeated: left.queue.messages });
    else await output.line(`restored: ${inDoubt} commands are in doubt, ${left.queue.messages} go again as repeats; a gateway may use it now`);
  } finally {
    await registry.close();
  }
}
