/** Devices and keys, the durable inbox and the queues, in a database. Loaded only where it is used. */
export type * from './types.js';
