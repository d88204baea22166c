/** The table of what devices are to Home Assistant. */
import type { Kysely } from 'kysely';
import type { Types } from './dialect.js';
import type { Tables } from './schema.js';

export async function entities(db: Kysely<Tables>, { text, integer, finish }: Types): Promise<void> {
  await finish(db.schema.createTable('entities')
    .addColumn('identity', text as never, (column) => column.notNull().references('devices.identity'))
    .addColumn('entity', text as never, (column) => column.notNull())
    .addColumn('config', text as never, (column) => column.notNull())
    .addColumn('removed', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('entities_name', ['identity', 'entity'])).execute();
}
