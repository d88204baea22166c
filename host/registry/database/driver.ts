/**
 * The two SQLite drivers behind the one shape that the query builder's SQLite dialect takes: node:sqlite, which newer
 * Nodes have built in, and better-sqlite3. Both are synchronous.
 */
import type { SqliteDatabase, SqliteStatement } from 'kysely';
import { TidelockError } from '../../errors.js';

export type DriverName = 'node:sqlite' | 'better-sqlite3';

export interface Driver {
  readonly name: DriverName;
  /** Opens a file that exists, or `:memory:`. Throws the driver's own errors. */
  open(file: string): OpenDatabase;
}

/** Statements are kept prepared: `prepare` of the same text gives the same one. */
export interface OpenDatabase extends SqliteDatabase {
  /** One statement without parameters, all its rows. */
  all(sql: string): Record<string, unknown>[];
}

/** The parts of node:sqlite that are used here. */
interface NodeSqlite {
  DatabaseSync: new (file: string) => {
    prepare(sql: string): {
      all(...parameters: unknown[]): unknown[];
      run(...parameters: unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint };
      iterate(...parameters: unknown[]): IterableIterator<unknown>;
      /** Node 22.16 and later. */
      columns?(): unknown[];
    };
    close(): void;
  };
}

/** Throws DRIVER_MISSING with the command that mends it. */
export async function findDriver(wanted: 'auto' | DriverName): Promise<Driver> {
  const builtIn = wanted === 'better-sqlite3' ? undefined : nodeSqlite();
  if (builtIn !== undefined) return new NodeDriver(builtIn);
  if (wanted === 'node:sqlite') {
    throw new TidelockError('DRIVER_MISSING', {
      kind: 'SQLite', reason: `Node ${process.versions.node} has no node:sqlite`, command: 'npm install better-sqlite3@12',
    });
  }
  return betterSqlite(wanted === 'auto' ? `Node ${process.versions.node} has none built in, and ` : '');
}

function nodeSqlite(): NodeSqlite | undefined {
  // It warns that it is experimental, on stderr, in the middle of what a command prints. The registry's tests run on it.
  const warn = process.emitWarning;
  process.emitWarning = (() => {});
  try {
    return process.getBuiltinModule?.('node:sqlite') as NodeSqlite | undefined;
  } finally {
    process.emitWarning = warn;
  }
}

class NodeDriver implements Driver {
  readonly name = 'node:sqlite';
  readonly #module: NodeSqlite;

  constructor(module: NodeSqlite) {
    this.#module = module;
  }

  open(file: string): OpenDatabase {
    const database = new this.#module.DatabaseSync(file);
    return new Prepared(
      (sql) => {
        const statement = database.prepare(sql);
        return {
          reader: statement.columns === undefined ? /^\s*(select|pragma|with)\b|\breturning\b/i.test(sql) : statement.columns().length > 0,
          all: (parameters) => statement.all(...parameters),
          run: (parameters) => statement.run(...parameters),
          iterate: (parameters) => statement.iterate(...parameters),
        };
      },
      () => database.close(),
    );
  }
}

type BetterSqlite = new (file: string) => { prepare(sql: string): SqliteStatement; close(): void };

/** `why`: how it came to this driver, for the error. */
async function betterSqlite(why: string): Promise<Driver> {
  let Database: BetterSqlite;
  try {
    Database = ((await import('better-sqlite3')) as { default: BetterSqlite }).default;
    // Its compiled half is loaded with the first database.
    new Database(':memory:').close();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const absent = code === 'ERR_MODULE_NOT_FOUND';
    const reason = absent
      ? `${why}better-sqlite3 is not installed`
      : `${why}better-sqlite3 is installed, but not built for this Node (${firstLine(message)})`;
    throw new TidelockError(
      'DRIVER_MISSING',
      { kind: 'SQLite', reason, command: absent ? 'npm install better-sqlite3@12' : 'npm rebuild better-sqlite3' },
      { cause: error },
    );
  }
  return {
    name: 'better-sqlite3',
    open(file) {
      const database = new Database(file);
      return new Prepared((sql) => database.prepare(sql), () => database.close());
    },
  };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/\.? Tried:$/, ''); // bindings lists its places on the lines that follow
}

class Prepared implements OpenDatabase {
  readonly #make: (sql: string) => SqliteStatement;
  readonly #close: () => void;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(make: (sql: string) => SqliteStatement, close: () => void) {
    this.#make = make;
    this.#close = close;
  }

  prepare(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#make(sql);
      this.#statements.set(sql, statement); // the texts are ours, about a hundred
    }
    return statement;
  }

  /** Not kept: what opens and checks a database runs once. */
  all(sql: string): Record<string, unknown>[] {
    const statement = this.#make(sql);
    if (statement.reader) return statement.all([]) as Record<string, unknown>[];
    statement.run([]);
    return [];
  }

  close(): void {
    this.#statements.clear();
    this.#close();
  }
}
