/** The suite of receive.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('receive')) await import('./receive.test.js');
