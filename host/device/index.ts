export { Device } from './device.js';
export { TidelockError, type ErrorCode } from '../errors.js';
export type { Clock, ClockTimer } from '../clock.js';
export type {
  DeviceApi, DeviceCloseOptions, DeviceCounters, DeviceEvents, DeviceMessage, DeviceMessageHandler, DeviceOptions, DeviceRecord,
  DeviceRefusal, DeviceSending, DeviceSendOptions, DeviceState, DeviceTls, OutboxOptions, RecordStore, Suite,
} from './types.js';
