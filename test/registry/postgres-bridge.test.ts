/** The suite of bridge.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('bridge')) await import('./bridge.test.js');
