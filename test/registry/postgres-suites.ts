/** Makes the suites that are imported after it run on PostgreSQL, one server for all of a process. */
import { test } from 'uvu';
import { skipMissing } from '../support/skip.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { engine } from './support.js';

/** False: there is none here, and that was said. */
export async function onPostgres(suite: string): Promise<boolean> {
  if (process.platform === 'win32' || findPostgres() === undefined) {
    skipMissing(test, 'PostgreSQL')(`the suite ${suite} on PostgreSQL`, () => undefined);
    test.run();
    return false;
  }
  const server = await PostgresServer.start();
  engine.name = 'postgres';
  engine.place = () => server.place();
  return true;
}
