/** How far a message in the inbox can be trusted: until then every one came from a device that had proved its key. */
import { sql, type Kysely } from 'kysely';
import { TRUSTS } from '../../core/topic.js';
import type { Types } from './dialect.js';
import type { Tables } from './schema.js';

const PROVED = TRUSTS.indexOf('proved');

export async function trust(db: Kysely<Tables>, { integer }: Types): Promise<void> {
  for (const table of ['inbox', 'dead_letters'] as const) {
    await db.schema.alterTable(table).addColumn('trust', integer, (column) => column.notNull().defaultTo(sql.lit(PROVED))).execute();
  }
}
