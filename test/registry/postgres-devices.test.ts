/** The suite of devices.test.ts, on PostgreSQL. */
import { onPostgres } from './postgres-suites.js';

if (await onPostgres('devices')) await import('./devices.test.js');
