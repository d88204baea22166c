/** The protocol engine, for those who bring their own input and output. Its numbers are explained in docs/abi.md. */
export * as abi from '../../assembly/abi.js';
export { DeviceCore } from './device-core.js';
export { DiscoveryCore, TOKEN_BYTES, type DiscoveryFrame, type OfferedLink } from './discovery.js';
export { GatewayCore } from './gateway-core.js';
export { isIdentity, quoteIdentity } from './identity.js';
export { IotsocketCore, type IotsocketSink } from './iotsocket-core.js';
export { Observer, type Direction, type Found } from './observer.js';
export { isTopic, TRUSTS, type TopicTrust } from './topic.js';
export { preferredBuild, wasmPath, type Build } from './module.js';
export type {
  DeviceCoreApi, DeviceSettings, DeviceSink, GatewayCoreApi, GatewaySettings, GatewaySink, Outgoing, Receipts, SessionInfo,
  SessionSink,
} from './types.js';
