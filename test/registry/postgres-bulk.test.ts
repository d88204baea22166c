/** The suite of bulk.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('bulk')) await import('./bulk.test.js');
