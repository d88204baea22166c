/**
 * The steps from one version of the tables to the next. A step that was released is never changed: it runs on databases that
 * exist. Steps only ever add, so that the version before can go on reading what it knows (rolling updates).
 */
import { sql, type CreateTableBuilder, type Kysely } from 'kysely';
import { TidelockError } from '../../errors.js';
import type { Types } from './dialect.js';
import { bridge } from './bridge-step.js';
import { entities } from './entities-step.js';
import type { Tables } from './schema.js';
import { trust } from './trust-step.js';

export type Step = (db: Kysely<Tables>, types: Types) => Promise<void>;

/** Each brings the tables from version index to index + 1. */
const STEPS: readonly Step[] = [first, protocols, commits, keyStates, wrapping, topics, bridge, entities, trust];

export const SCHEMA_VERSION = STEPS.length;

/**
 * Brings the tables to this version, in the transaction that `db` is; where it fails the database stays what it was. `there`: the
 * tables that exist. Throws DATABASE_NEWER, and DATABASE_FAILED where they belong to another program.
 */
export async function migrate(db: Kysely<Tables>, types: Types, there: ReadonlySet<string>, url: string): Promise<void> {
  const version = await versionOf(db, types, there, url);
  if (version > SCHEMA_VERSION) throw new TidelockError('DATABASE_NEWER', { database: url, found: version, known: SCHEMA_VERSION });
  if (version === SCHEMA_VERSION) return;
  for (const step of STEPS.slice(version)) await step(db, types);
  await db.updateTable('tidelock').set({ value: SCHEMA_VERSION }).where('name', '=', 'schema').execute();
}

async function versionOf(db: Kysely<Tables>, { text, integer, finish }: Types, there: ReadonlySet<string>, url: string): Promise<number> {
  if (there.has('tidelock')) {
    const row = await db.selectFrom('tidelock').select('value').where('name', '=', 'schema').executeTakeFirst();
    return row?.value ?? 0;
  }
  if (there.size > 0) throw new TidelockError('DATABASE_FAILED', { database: url, reason: 'it belongs to another program, none of its tables is ours' });
  await finish(db.schema.createTable('tidelock')
    .addColumn('name', text as never, (column) => column.primaryKey().notNull())
    .addColumn('value', integer, (column) => column.notNull())).execute();
  await db.insertInto('tidelock').values([{ name: 'schema', value: 0 }, { name: 'devices', value: 0 }]).execute();
  return 0;
}

/** Which protocol a device speaks: until then there was one. */
async function protocols(db: Kysely<Tables>, { text }: Types): Promise<void> {
  await db.schema.alterTable('devices').addColumn('protocol', text as never, (column) => column.notNull().defaultTo(sql.lit('tidelock'))).execute();
}

/**
 * How many transactions each process has committed, written by them: so that after a lost connection it is known whether the last one
 * was. SQLite is in the process, whose end is the connection's.
 */
async function commits(db: Kysely<Tables>, { text, integer, engine }: Types): Promise<void> {
  if (engine === 'sqlite') return;
  await db.schema.createTable('commits')
    .addColumn('writer', text as never, (column) => column.primaryKey().notNull())
    .addColumn('count', integer, (column) => column.notNull())
    .addColumn('since', integer, (column) => column.notNull())
    .execute();
}

/** Until then a device had keys without an end. */
async function keyStates(db: Kysely<Tables>, { text, integer }: Types): Promise<void> {
  await db.schema.alterTable('keys').addColumn('state', text as never, (column) => column.notNull().defaultTo(sql.lit('current'))).execute();
  await db.schema.alterTable('keys').addColumn('used', integer).execute();
}

/** Until then all keys lay in their rows as they are. */
async function wrapping(db: Kysely<Tables>, { text, bytes, integer, finish }: Types): Promise<void> {
  await finish(db.schema.createTable('wrapping')
    .addColumn('name', text as never, (column) => column.primaryKey().notNull())
    .addColumn('salt', bytes as never, (column) => column.notNull())
    .addColumn('check_value', bytes as never, (column) => column.notNull())
    .addColumn('scrub', integer, (column) => column.notNull())).execute();
  const nothing = new Uint8Array(0);
  await db.insertInto('wrapping').values({ name: 'master', salt: nothing, check_value: nothing, scrub: 0 }).execute();
}

/** Until then a message had no topic. */
async function topics(db: Kysely<Tables>, { text, integer }: Types): Promise<void> {
  await db.schema.alterTable('inbox').addColumn('topic', text as never).execute();
  await db.schema.alterTable('inbox').addColumn('expires', integer).execute();
  await db.schema.alterTable('queue').addColumn('topic', text as never).execute();
  await db.schema.alterTable('queue').addColumn('trust', integer).execute();
}

async function first(db: Kysely<Tables>, { text, bytes, integer, serial, finish }: Types): Promise<void> {
  const make = (table: CreateTableBuilder<string, string>): Promise<void> => finish(table).execute();
  const { schema } = db;

  await make(schema.createTable('devices')
    .addColumn('identity', text as never, (column) => column.primaryKey().notNull())
    .addColumn('created', integer, (column) => column.notNull())
    .addColumn('disabled', integer, (column) => column.notNull())
    .addColumn('gateway', text as never)
    .addColumn('epoch', integer, (column) => column.notNull())
    .addColumn('since', integer)
    .addColumn('in_outbox', integer, (column) => column.notNull())
    .addColumn('in_last', integer, (column) => column.notNull())
    .addColumn('out_outbox', integer, (column) => column.notNull())
    .addColumn('out_low', integer, (column) => column.notNull())
    .addColumn('out_sent', integer, (column) => column.notNull())
    .addColumn('out_next', integer, (column) => column.notNull()));

  await make(schema.createTable('keys')
    .addColumn('identity', text as never, (column) => column.notNull().references('devices.identity').onDelete('cascade'))
    .addColumn('key_id', integer, (column) => column.notNull())
    .addColumn('key', bytes as never, (column) => column.notNull())
    .addColumn('created', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('keys_key', ['identity', 'key_id']));

  await make(serial(schema.createTable('inbox'))
    .addColumn('identity', text as never, (column) => column.notNull().references('devices.identity'))
    .addColumn('outbox', integer, (column) => column.notNull())
    .addColumn('id', integer, (column) => column.notNull())
    .addColumn('time', integer, (column) => column.notNull())
    .addColumn('repeat', integer, (column) => column.notNull())
    .addColumn('body', bytes as never, (column) => column.notNull())
    .addUniqueConstraint('inbox_once', ['identity', 'outbox', 'id']));

  await make(serial(schema.createTable('queue'))
    .addColumn('identity', text as never, (column) => column.notNull().references('devices.identity'))
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
    .addColumn('identity', text as never, (column) => column.notNull())
    .addColumn('outbox', integer, (column) => column.notNull())
    .addColumn('id', integer, (column) => column.notNull())
    .addColumn('how', text as never, (column) => column.notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addUniqueConstraint('ends_name', ['identity', 'outbox', 'id']));
  await schema.createIndex('ends_at').on('ends').column('at').execute();
}
