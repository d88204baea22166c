/** The running gateway, or the database itself where none runs. */
import { TidelockError } from '../errors.js';
import type { Registry } from '../registry/types.js';
import { ControlClient } from './control/client.js';
import { openDatabase } from './database.js';
import { isTold } from './told.js';
import { controlPath } from './place.js';
import type { Settings } from './setting-types.js';

export interface Ways<T> {
  gateway(client: ControlClient): Promise<T>;
  database(registry: Registry): Promise<T>;
}

/** For what only a database without a gateway can have done to it. Throws GATEWAY_RUNNING. */
export async function refuseRunning(settings: Settings): Promise<void> {
  const path = controlPath(settings);
  const client = path === undefined ? undefined : await ControlClient.connect(path);
  if (client === undefined) return;
  client.close();
  throw new TidelockError('GATEWAY_RUNNING', { socket: path! });
}

/**
 * `create`: make a database that does not exist. Throws DATABASE_LOCKED where a gateway has the database open, but does
 * not answer at the control socket.
 */
export async function reach<T>(settings: Settings, create: boolean, ways: Ways<T>): Promise<T> {
  const viaGateway = async (): Promise<{ value: T } | undefined> => {
    const path = controlPath(settings);
    const client = path === undefined ? undefined : await ControlClient.connect(path);
    if (client === undefined) return undefined;
    try {
      return { value: await ways.gateway(client) };
    } finally {
      client.close();
    }
  };
  const first = await viaGateway();
  if (first !== undefined) return first.value;
  try {
    const registry = await openDatabase(settings, { create });
    try {
      return await ways.database(registry);
    } finally {
      await registry.close();
    }
  } catch (error) {
    if (!isTold(error) || error.code !== 'DATABASE_LOCKED') throw error;
    // A gateway that is just starting has the database before it has the socket.
    const second = await viaGateway();
    if (second === undefined) throw error;
    return second.value;
  }
}
