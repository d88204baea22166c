/**
 * PostgreSQL for the query builder, over the one connection that there is. Our statements were compiled for SQLite; here each gets
 * its own text once, and the server keeps it prepared under a name.
 */
import {
  CompiledQuery, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler,
  type DatabaseConnection, type DatabaseIntrospector, type Dialect, type Driver, type Kysely, type QueryResult,
} from 'kysely';
import type pg from 'pg';
import type { Filled } from '../statement.js';

/** The connection of the moment, for one transaction at a time. */
export interface ClientSource {
  /** Rejected where there is none. */
  client(): Promise<pg.Client>;
  /** Marks the transaction in the database as this process's next. Called after BEGIN. */
  mark(client: pg.Client): Promise<void>;
  /** COMMIT leaves now: if no answer comes, it may have happened. */
  committing(): void;
}

export class PostgresLikeDialect implements Dialect {
  readonly #source: ClientSource;

  constructor(source: ClientSource) {
    this.#source = source;
  }

  createAdapter(): PostgresAdapter {
    return new PostgresAdapter();
  }

  createDriver(): Driver {
    return new OneDriver(this.#source);
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(db);
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new PostgresQueryCompiler();
  }
}

class OneDriver implements Driver {
  readonly #source: ClientSource;

  constructor(source: ClientSource) {
    this.#source = source;
  }

  async init(): Promise<void> {
    // The connection stands already.
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return new OneConnection(await this.#source.client());
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const { client } = connection as OneConnection;
    await client.query('begin');
    await this.#source.mark(client);
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    this.#source.committing();
    await (connection as OneConnection).client.query('commit');
  }

  /** Where the connection is gone the server has rolled back; that there is nobody to tell must not hide why. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as OneConnection).client.query('rollback').catch(() => {});
  }

  async releaseConnection(): Promise<void> {
    // It stays.
  }

  async destroy(): Promise<void> {
    // Whoever opened it closes it.
  }
}

interface Prepared {
  name: string;
  text: string;
}

const compiler = new PostgresQueryCompiler();
const prepared = new WeakMap<CompiledQuery, Prepared>();
let count = 0;

function preparedOf(template: CompiledQuery): Prepared {
  let known = prepared.get(template);
  if (known === undefined) {
    known = { name: `tidelock_${++count}`, text: compiler.compileQuery(template.query, template.queryId).sql };
    prepared.set(template, known); // the templates are ours, about two hundred
  }
  return known;
}

class OneConnection implements DatabaseConnection {
  readonly client: pg.Client;

  constructor(client: pg.Client) {
    this.client = client;
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const { template } = compiled as Partial<Filled>;
    const values = compiled.parameters as unknown[];
    const result = await this.client.query<R & pg.QueryResultRow>(
      template === undefined ? { text: compiled.sql, values } : { ...preparedOf(template), values },
    );
    const changes = result.command !== 'SELECT' && result.rowCount !== null;
    return changes ? { rows: result.rows, numAffectedRows: BigInt(result.rowCount!) } : { rows: result.rows };
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('nothing here is streamed');
  }
}
