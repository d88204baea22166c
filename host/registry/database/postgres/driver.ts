/** The package `pg`, loaded where a URL asks for it. */
import type pg from 'pg';
import { TidelockError } from '../../../errors.js';

/** Throws DRIVER_MISSING with the command that mends it. */
export async function findPg(): Promise<typeof pg> {
  try {
    return ((await import('pg')) as { default: typeof pg }).default;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ERR_MODULE_NOT_FOUND' ? 'the package pg is not installed' : `the package pg cannot be loaded (${message})`;
    throw new TidelockError('DRIVER_MISSING', { kind: 'PostgreSQL', reason, command: 'npm install pg@8' }, { cause: error });
  }
}

/** Object identifiers of types whose values come as text otherwise (pg_type.dat). */
const INT8 = 20;
const NUMERIC = 1700;

/** Whole numbers as numbers: ours are below 2^53. */
export function numbers(module: typeof pg): pg.CustomTypesConfig {
  return {
    getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
      if ((oid === INT8 || oid === NUMERIC) && format !== 'binary') return Number;
      return module.types.getTypeParser(oid, format) as (text: string) => unknown;
    }) as pg.CustomTypesConfig['getTypeParser'],
  };
}
