/** The suite of unacknowledged.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('unacknowledged')) await import('./unacknowledged.test.js');
