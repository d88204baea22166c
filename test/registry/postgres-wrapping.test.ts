/** The suite of wrapping.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('wrapping')) await import('./wrapping.test.js');
