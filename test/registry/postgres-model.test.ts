/** The suite of model.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('model')) await import('./model.test.js');
