/**
 * The tables. Integers are whole numbers below 2^53, instants Unix ms. docs/registry.md explains each column.
 * Everything is made by the query builder; where dialects differ in a type, `Types` says so.
 */
import { sql, type CreateTableBuilder, type Generated, type Kysely, type RawBuilder } from 'kysely';

export interface Tables {
  tidelock: { name: string; value: number };
  devices: DeviceTable;
  keys: { identity: string; key_id: number; key: Uint8Array; created: number };
  inbox: InboxTable;
  queue: QueueTable;
  ends: EndTable;
}

/** One row an identity: who may connect, the lease, the receipts of both directions and the queue's counter together. */
export interface DeviceTable {
  identity: string;
  created: number;
  disabled: number;
  gateway: string | null;
  epoch: number;
  since: number | null;
  in_outbox: number;
  in_last: number;
  out_outbox: number;
  out_low: number;
  out_sent: number;
  out_next: number;
}

export interface InboxTable {
  position: Generated<number>;
  identity: string;
  outbox: number;
  id: number;
  time: number;
  repeat: number;
  body: Uint8Array;
}

export interface QueueTable {
  position: Generated<number>;
  identity: string;
  /** Its number in the present outbox. */
  id: number;
  /** Outbox and number that it got first: its name. */
  first_outbox: number;
  first_id: number;
  made: number;
  deadline: number;
  /** 1: where it is in doubt it is sent again. */
  again: number;
  repeat: number;
  body: Uint8Array;
}

export interface EndTable {
  /** That of the message in the queue. */
  position: number;
  identity: string;
  outbox: number;
  id: number;
  how: string;
  at: number;
}

/** What dialects call differently. */
interface Types {
  bytes: RawBuilder<unknown>;
  integer: 'integer' | 'bigint';
  /** A primary key that rises and never comes again, even where the newest row is deleted. */
  serial(table: CreateTableBuilder<string>): CreateTableBuilder<string, 'position'>;
  /** What ends the statement. */
  finish(table: CreateTableBuilder<string, string>): CreateTableBuilder<string, string>;
}

const SQLITE: Types = {
  bytes: sql`blob`,
  integer: 'integer',
  serial: (table) => table.addColumn('position', 'integer', (column) => column.primaryKey().autoIncrement()),
  // STRICT: a value of another type is an error instead of a surprise.
  finish: (table) => table.modifyEnd(sql`strict`),
};

/** Each step brings the tables from version index to index + 1. Steps are only ever added, and only ever add. */
export const MIGRATIONS: readonly ((db: Kysely<Tables>) => Promise<void>)[] = [first];

export const SCHEMA_VERSION = MIGRATIONS.length;

async function first(db: Kysely<Tables>): Promise<void> {
  const { bytes, integer, serial, finish } = SQLITE;
  const make = (table: CreateTableBuilder<string, string>): Promise<void> => finish(table).execute();
  const { schema } = db;

  await make(schema.createTable('devices')
    .addColumn('identity', 'text', (column) => column.primaryKey().notNull())
    .addColumn('created', integer, (column) => column.notNull())
    .addColumn('disabled', integer, (column) => column.notNull())
    .addColumn('gateway', 'text')
    .addColumn('epoch', integer, (column) => column.notNull())
    .addColumn('since', integer)
    .addColumn('in_outbox', integer, (column) => column.notNull())
    .addColumn('in_last', integer, (column) => column.notNull())
    .addColumn('out_outbox', integer, (column) => column.notNull())
    .addColumn('out_low', integer, (column) => column.notNull())
    .addColumn('out_sent', integer, (column) => column.notNull())
    .addColumn('out_next', integer, (column) => column.notNull()));

  await make(schema.createTable('keys')
    .addColumn('identity', 'text', (column) => column.notNull().references('devices.identity').onDelete('cascade'))
    .addColumn('key_id', integer, (column) => column.notNull())
    .addColumn('key', bytes as never, (column) => column.notNull())
    .addColumn('created', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('keys_key', ['identity', 'key_id']));

  await make(serial(schema.createTable('inbox'))
    .addColumn('identity', 'text', (column) => column.notNull().references('devices.identity'))
    .addColumn('outbox', integer, (column) => column.notNull())
    .addColumn('id', integer, (column) => column.notNull())
    .addColumn('time', integer, (column) => column.notNull())
    .addColumn('repeat', integer, (column) => column.notNull())
    .addColumn('body', bytes as never, (column) => column.notNull())
    .addUniqueConstraint('inbox_once', ['identity', 'outbox', 'id']));

  await make(serial(schema.createTable('queue'))
    .addColumn('identity', 'text', (column) => column.notNull().references('devices.identity'))
    .addColumn('id', integer, (column) => column.notNull())
    .addColumn('first_outbox', integer, (column) => column.notNull())
    .addColumn('first_id', integer, (column) => column.notNull())
    .addColumn('made', integer, (column) => column.notNull())
    .addColumn('deadline', integer, (column) => column.notNull())
    .addColumn('again', integer, (column) => column.notNull())
    .addColumn('repeat', integer, (column) => column.notNull())
    .addColumn('body', bytes as never, (column) => column.notNull())
    .addUniqueConstraint('queue_order', ['identity', 'id'])
    .addUniqueConstraint('queue_name', ['identity', 'first_outbox', 'first_id']));
  await schema.createIndex('queue_deadline').on('queue').column('deadline').execute();

  await make(schema.createTable('ends')
    .addColumn('position', integer, (column) => column.primaryKey().notNull())
    .addColumn('identity', 'text', (column) => column.notNull())
    .addColumn('outbox', integer, (column) => column.notNull())
    .addColumn('id', integer, (column) => column.notNull())
    .addColumn('how', 'text', (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addUniqueConstraint('ends_name', ['identity', 'outbox', 'id']));
  await schema.createIndex('ends_at').on('ends').column('at').execute();
}
