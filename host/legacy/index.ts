/** `tidelock/legacy`: older protocols. The gateway's side of IoTSocket is an option of Gateway. */
export { IotsocketDevice } from './iotsocket/device.js';
export type { IotsocketDeviceEvents, IotsocketDeviceOptions, IotsocketDeviceState } from './iotsocket/device.js';
export { iotsocketKey } from './iotsocket/key.js';
export type { IotsocketLookup, IotsocketMessage, IotsocketOptions } from './iotsocket/types.js';
export { TidelockError, type ErrorCode } from '../errors.js';
