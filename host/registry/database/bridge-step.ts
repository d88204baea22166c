/** The tables of the bridge, and who is done with a row of the inbox: until then the application alone was. */
import { sql, type CreateTableBuilder } from 'kysely';
import type { Step } from './migrations.js';

export const bridge: Step = async (db, { text, bytes, integer, serial, finish }) => {
  const make = (table: CreateTableBuilder<string, string>): Promise<void> => finish(table).execute();
  const { schema } = db;

  await schema.alterTable('inbox').addColumn('pending', integer, (column) => column.notNull().defaultTo(sql.lit(1))).execute();
  await schema.alterTable('inbox').addColumn('suite', integer, (column) => column.notNull().defaultTo(sql.lit(0))).execute();

  await make(serial(schema.createTable('dead_letters'))
    .addColumn('identity', text as never, (column) => column.notNull())
    .addColumn('outbox', integer, (column) => column.notNull())
    .addColumn('id', integer, (column) => column.notNull())
    .addColumn('time', integer, (column) => column.notNull())
    .addColumn('repeat', integer, (column) => column.notNull())
    .addColumn('suite', integer, (column) => column.notNull())
    .addColumn('topic', text as never)
    .addColumn('expires', integer)
    .addColumn('body', bytes as never, (column) => column.notNull())
    .addColumn('reason', text as never, (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addUniqueConstraint('dead_letters_once', ['identity', 'outbox', 'id']));

  await make(schema.createTable('commands')
    .addColumn('position', integer, (column) => column.primaryKey().notNull())
    .addColumn('identity', text as never, (column) => column.notNull())
    .addColumn('response', text as never, (column) => column.notNull())
    .addColumn('correlation', bytes as never, (column) => column.notNull())
    .addColumn('tl_id', text as never, (column) => column.notNull())
    .addColumn('replaces', text as never, (column) => column.notNull()));
  await schema.createIndex('commands_identity').on('commands').column('identity').execute();

  await make(serial(schema.createTable('results'))
    .addColumn('identity', text as never, (column) => column.notNull())
    .addColumn('message', text as never, (column) => column.notNull())
    .addColumn('response', text as never, (column) => column.notNull())
    .addColumn('correlation', bytes as never, (column) => column.notNull())
    .addColumn('tl_id', text as never, (column) => column.notNull())
    .addColumn('how', text as never, (column) => column.notNull())
    .addColumn('reason', text as never, (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull()));

  await make(schema.createTable('taken')
    .addColumn('name', text as never, (column) => column.primaryKey().notNull())
    .addColumn('at', integer, (column) => column.notNull()));
  await schema.createIndex('taken_at').on('taken').column('at').execute();

  await make(schema.createTable('keepers')
    .addColumn('name', text as never, (column) => column.primaryKey().notNull())
    .addColumn('gateway', text as never, (column) => column.notNull())
    .addColumn('epoch', integer, (column) => column.notNull())
    .addColumn('renewed', integer, (column) => column.notNull())
    .addColumn('seen', integer, (column) => column.notNull()));

  await make(schema.createTable('subscriptions')
    .addColumn('identity', text as never, (column) => column.notNull().references('devices.identity').onDelete('cascade'))
    .addColumn('filter', text as never, (column) => column.notNull())
    .addPrimaryKeyConstraint('subscriptions_once', ['identity', 'filter']));

  await make(schema.createTable('rules')
    .addColumn('filter', text as never, (column) => column.primaryKey().notNull())
    .addColumn('identities', text as never, (column) => column.notNull()));
};
