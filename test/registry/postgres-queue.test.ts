/** The suite of queue.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('queue')) await import('./queue.test.js');
