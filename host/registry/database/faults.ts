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

/** `database` is the URL that was opened. A `TidelockError` is returned as it is. */
export function databaseError(error: unknown, database: string): TidelockError {
  if (error instanceof TidelockError) return error;
  const reason = error instanceof Error ? error.message : String(error);
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

/** True where the fault lies in one operation's values, and not in the database. */
export function isConstraint(error: unknown): boolean {
  const code = primaryCode(error);
  return code === CONSTRAINT || code === MISMATCH || (code === undefined && (error instanceof TypeError || error instanceof RangeError));
}
