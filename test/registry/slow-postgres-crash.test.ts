/** The suite of slow-crash.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('slow-crash')) await import('./slow-crash.test.js');
