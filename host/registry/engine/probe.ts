/** Whether the database takes writes: one that changes nothing is written, and flushed with its group like any other. */
import { statement } from '../database/statement.js';
import { builder } from './builder.js';
import { change, type Context } from './context.js';

const TOUCH = statement<{ name: string }>()((p) =>
  builder.updateTable('tidelock').set(({ ref }) => ({ value: ref('value') })).where('name', '=', p.name));

export async function probe(context: Context): Promise<void> {
  await change(context, TOUCH.with({ name: 'schema' }));
}
