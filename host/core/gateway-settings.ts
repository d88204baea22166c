/** Writes what a gateway is told once, and its wall time, to where the core reads them. */
import * as abi from '../../assembly/abi.js';
import type { GatewaySettings } from './types.js';

/** @param w  address of G_CONFIG */
export function writeSettings(u8: Buffer, w: number, settings: GatewaySettings): void {
  u8.set(settings.secret, w + abi.W_SECRET);
  writeU64(u8, w + abi.W_UNIX, settings.unix);
  u8.writeUInt16LE(settings.window, w + abi.W_WINDOW);
  u8.writeUInt16LE(settings.idle, w + abi.W_IDLE);
  u8.writeUInt32LE(settings.life, w + abi.W_LIFE);
  u8.writeUInt16LE(settings.spread, w + abi.W_SPREAD);
  u8.writeUInt16LE(settings.largest, w + abi.W_LARGEST);
  u8[w + abi.W_SUITES] = settings.suites;
  u8[w + abi.W_SUITES_TLS] = settings.suitesTls;
}

export function writeU64(u8: Buffer, at: number, value: number): void {
  u8.writeUInt32LE(value % 0x100000000 >>> 0, at);
  u8.writeUInt32LE(Math.floor(value / 0x100000000), at + 4);
}
