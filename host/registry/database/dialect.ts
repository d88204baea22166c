/** What dialects call differently in a table. */
import { sql, type CreateTableBuilder, type RawBuilder } from 'kysely';

export interface Types {
  engine: 'sqlite' | 'postgres';
  text: RawBuilder<unknown>;
  bytes: RawBuilder<unknown>;
  integer: 'integer' | 'bigint';
  /** A primary key that rises and never comes again, even where the newest row is deleted. */
  serial(table: CreateTableBuilder<string>): CreateTableBuilder<string, 'position'>;
  /** What ends the statement. */
  finish(table: CreateTableBuilder<string, string>): CreateTableBuilder<string, string>;
}

export const SQLITE: Types = {
  engine: 'sqlite',
  text: sql`text`,
  bytes: sql`blob`,
  integer: 'integer',
  serial: (table) => table.addColumn('position', 'integer', (column) => column.primaryKey().autoIncrement()),
  // STRICT: a value of another type is an error instead of a surprise.
  finish: (table) => table.modifyEnd(sql`strict`),
};

export const POSTGRES: Types = {
  engine: 'postgres',
  // By bytes, as SQLite orders: pages of a list and the order of locks must not hang on a language.
  text: sql`text collate "C"`,
  bytes: sql`bytea`,
  integer: 'bigint',
  serial: (table) => table.addColumn('position', 'bigint', (column) => column.primaryKey().generatedAlwaysAsIdentity()),
  finish: (table) => table,
};
