/** What a driver or the file system threw, as an error that says what to do. */
import { TidelockError } from '../../errors.js';

/** Primary result codes of SQLite that mean something of their own here (sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const CONSTRAINT = 19;
const MISMATCH = 20;
const NOT_A_DATABASE = 26;

const NUMBERS: Readonly<Record<string, number>> = {
  SQLITE_BUSY: BUSY, SQLITE_LOCKED: LOCKED, SQLITE_CORRUPT: CORRUPT, SQLITE_CONSTRAINT: CONSTRAINT, SQLITE_MISMATCH: MISMATCH,
  SQLITE_NOTADB: NOT_A_DATABASE,
};

/** node:sqlite gives the extended code as a number, better-sqlite3 as a name such as SQLITE_IOERR_FSYNC. */
function primaryCode(error: unknown): number | undefined {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (typeof errcode === 'number') return errcode & 0xff;
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return undefined;
  return NUMBERS[code.split('_').slice(0, 2).join('_')] ?? 0;
}

/** SQLSTATE of an error that a PostgreSQL server sent (postgresql.org/docs/current/errcodes-appendix.html). */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return severity !== undefined && typeof code === 'string' ? code : undefined;
}

/** The server went, or goes, or does not let anybody in: 08 connection, 57P01 to 57P05 shutdown, crash, start, idle. */
export function isServerGone(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && (state.startsWith('08') || /^57P0[1-5]$/.test(state));
}

/** `database` is the URL that was opened. A `TidelockError` is returned as it is. */
export function databaseError(error: unknown, database: string): TidelockError {
  if (error instanceof TidelockError) return error;
  const reason = reasonOf(error);
  const state = sqlState(error);
  if (state !== undefined) return serverError(state, reason, error, database);
  switch (primaryCode(error)) {
    case BUSY:
    case LOCKED:
      return new TidelockError('DATABASE_LOCKED', { database }, { cause: error });
    case CORRUPT:
    case NOT_A_DATABASE:
      return new TidelockError('DATABASE_CORRUPT', { database, reason }, { cause: error });
    default:
      return new TidelockError('DATABASE_FAILED', { database, reason }, { cause: error });
  }
}

/** Node gives a connection that failed at several addresses a text for each of them, and none of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

const LOCK_NOT_AVAILABLE = '55P03';
/** 28: wrong user or password; 3D: no such database; 53300: too many connections. */
const NOT_LET_IN = /^(28|3D|53300)/;

function serverError(state: string, reason: string, cause: unknown, database: string): TidelockError {
  if (state === LOCK_NOT_AVAILABLE) return new TidelockError('DATABASE_LOCKED', { database }, { cause });
  if (state.startsWith('XX') && state !== 'XX000') return new TidelockError('DATABASE_CORRUPT', { database, reason }, { cause });
  if (NOT_LET_IN.test(state) || isServerGone(cause)) return new TidelockError('DATABASE_UNREACHABLE', { database, reason }, { cause });
  return new TidelockError('DATABASE_FAILED', { database, reason }, { cause });
}

/** True where the fault lies in one operation's values, and not in the database. */
export function isConstraint(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith('22') || state.startsWith('23');
  const code = primaryCode(error);
  return code === CONSTRAINT || code === MISMATCH || (code === undefined && (error instanceof TypeError || error instanceof RangeError));
}
