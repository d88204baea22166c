/** Devices and keys, the durable inbox and the queues, in a database. Loaded only where it is used. */
export { TidelockError } from '../errors.js';
export { openRegistry } from './open.js';
export type * from './types.js';
