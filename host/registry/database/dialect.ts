/** What dialects call differently in a table. */
import { sql, type CreateTableBuilder, type RawBuilder } from 'kysely';

export interface Types {
  text: RawBuilder<unknown>;
  bytes: RawBuilder<unknown>;
  integer: 'integer' | 'bigint';
  /** A primary key that rises and never comes again, even where the newest row is deleted. */
  serial(table: CreateTableBuilder<string>): CreateTableBuilder<string, 'position'>;
  /** What ends the statement. */
  finish(table: CreateTableBuilder<string, string>): CreateTableBuilder<string, string>;
}

export const SQLITE: Types = {
  text: sql`text`,
  bytes: sql`blob`,
  integer: 'integer',
  serial: (table) => table.addColumn('position', 'integer', (column) => column.primaryKey().autoIncrement()),
  // STRICT: a value of another type is an error instead of a surprise.
  finish: (table) => table.modifyEnd(sql`strict`),
};
