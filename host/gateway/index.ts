export { Gateway } from './gateway.js';
export { TidelockError, type ErrorCode } from '../errors.js';
export type { Clock, ClockTimer } from '../clock.js';
export type {
  Alarm, CloseOptions, ConnectedDevice, DeviceChange, DisconnectOptions, GatewayApi, GatewayCounters, GatewayEvents, GatewayLimits,
  GatewayOptions, Identity, InboxMessage, LegacyOptions, Logger, Lookup, Message, MessageHandler, MessagesOptions, PassingMessage, Refusal, Sending, SendOptions, Suite,
  TlsCertificate, Trust,
} from './types.js';
