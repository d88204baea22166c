/** The package in one import: gateway and device. The registry is apart, `tidelock/registry`, so that a device-only install loads no database. */
export { Gateway } from './gateway/index.js';
export { Device } from './device/index.js';
export { TidelockError, type ErrorCode } from './errors.js';
export type * from './gateway/types.js';
export type {
  DeviceApi, DeviceCloseOptions, DeviceCounters, DeviceEvents, DeviceMessage, DeviceMessageHandler, DeviceOptions, DeviceRecord,
  DeviceRefusal, DeviceSending, DeviceSendOptions, DeviceState, DeviceTls, OutboxOptions, RecordStore,
} from './device/types.js';
export type { Clock, ClockTimer } from './clock.js';
