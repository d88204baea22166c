/** What a database's URL says: a SQLite file, or a PostgreSQL server. */
import { badOption } from '../../options.js';
import { databasePath } from './file.js';

export interface FilePlace {
  readonly kind: 'sqlite';
  /** Absolute path; undefined: in memory. */
  readonly file: string | undefined;
  /** As it may be shown. */
  readonly shown: string;
}

export interface ServerPlace {
  readonly kind: 'postgres';
  /** The whole URL, password and all. */
  readonly connection: string;
  /** Without its password: for logs and errors. */
  readonly shown: string;
  /** It has one. */
  readonly password: boolean;
}

export type DatabasePlace = FilePlace | ServerPlace;

/** Throws BAD_OPTION. */
export function parseDatabase(url: string): DatabasePlace {
  if (typeof url === 'string' && /^postgres(ql)?:/.test(url)) return parseServer(url);
  return { kind: 'sqlite', file: databasePath(url), shown: url };
}

/** What is wrong is said without the URL's own text where that may hold a password. */
function parseServer(url: string): ServerPlace {
  const expected = 'it must be postgres://USER@HOST:PORT/DATABASE, or postgres:///DATABASE?host=/FOLDER for a Unix socket';
  const bare = url.replace(/^(postgres(?:ql)?:\/\/)[^/?#]*@/, '$1…@').replace(/([?&](?:password|sslpassword)=)[^&#]*/g, '$1…');
  // A URL of the postgres kind may have no host, which WHATWG's parser takes for a URL of no authority.
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw badOption('database', bare, expected);
  }
  if (!url.includes('://') || parsed.pathname.length < 2 || parsed.pathname.slice(1).includes('/') || parsed.hash !== '') throw badOption('database', bare, expected);
  const password = parsed.password !== '' || parsed.searchParams.has('password') || parsed.searchParams.has('sslpassword');
  parsed.password = '';
  for (const name of ['password', 'sslpassword']) parsed.searchParams.delete(name);
  return { kind: 'postgres', connection: url, shown: password ? parsed.href : url, password };
}
