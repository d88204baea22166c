/** The bridge between a gateway and an MQTT broker. It needs the package mqtt. */
export { mqtt } from './bridge.js';
export type { MqttBridge, MqttCounters, MqttOptions } from './types.js';
export type { Bridge } from '../gateway/bridge-types.js';
