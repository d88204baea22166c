/** The suite of keys.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('keys')) await import('./keys.test.js');
