/** The package `mqtt`, loaded where a bridge is configured. */
import type * as mqtt from 'mqtt';
import { TidelockError } from '../errors.js';

export type MqttLibrary = typeof mqtt;

/** Throws DRIVER_MISSING with the command that mends it. */
export async function findMqtt(): Promise<MqttLibrary> {
  try {
    const module = (await import('mqtt')) as MqttLibrary & { default?: MqttLibrary };
    return module.default ?? module;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ERR_MODULE_NOT_FOUND' ? 'the package mqtt is not installed' : `the package mqtt cannot be loaded (${message})`;
    throw new TidelockError('DRIVER_MISSING', { kind: 'MQTT', reason, command: 'npm install mqtt@5' }, { cause: error });
  }
}
