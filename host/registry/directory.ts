/** Identities and keys in memory: the handshake asks no database. */
import { PROTOCOLS, type DirectoryPage } from './engine/operations.js';
import type { DeviceEvent, DeviceProtocol } from './types.js';

const KEY_BYTES = 32;

interface Device {
  protocol: DeviceProtocol | undefined;
  disabled: boolean;
  keys: { keyId: number; key: Uint8Array }[];
}

export class Directory {
  /** The change counter of the database that this is the state of. */
  version = -1;
  #devices = new Map<string, Device>();

  find(identity: string, keyId: number, protocol: DeviceProtocol): Uint8Array | undefined {
    const device = this.#devices.get(identity);
    if (device === undefined || device.disabled || device.protocol !== protocol) return undefined;
    for (const entry of device.keys) if (entry.keyId === keyId) return entry.key;
    return undefined;
  }

  protocol(identity: string): DeviceProtocol | undefined {
    return this.#devices.get(identity)?.protocol;
  }

  /** Keeps a copy of the key. */
  add(identity: string, keyId: number, key: Uint8Array, protocol: DeviceProtocol): void {
    this.#devices.set(identity, { protocol, disabled: false, keys: [{ keyId, key: Uint8Array.from(key) }] });
  }

  addKey(identity: string, keyId: number, key: Uint8Array): void {
    this.#devices.get(identity)?.keys.push({ keyId, key: Uint8Array.from(key) });
  }

  endKey(identity: string, keyId: number): void {
    const device = this.#devices.get(identity);
    const ended = device?.keys.find((entry) => entry.keyId === keyId);
    if (device === undefined || ended === undefined) return;
    device.keys = device.keys.filter((entry) => entry !== ended);
    ended.key.fill(0);
  }

  /** It has more than one key that opens. */
  rotating(identity: string): boolean {
    return (this.#devices.get(identity)?.keys.length ?? 0) > 1;
  }

  /** False: it was so already, or it is not known. */
  disable(identity: string, disabled: boolean): boolean {
    const device = this.#devices.get(identity);
    if (device === undefined || device.disabled === disabled) return false;
    device.disabled = disabled;
    return true;
  }

  /** Takes over the state of the database and returns what has changed. The page's keys are wiped. */
  load({ version, identities, disabled, protocols, of, keyIds, keys }: DirectoryPage): DeviceEvent[] {
    const before = this.#devices;
    const now = new Map<string, Device>(identities.map((identity, i) => [identity, { protocol: PROTOCOLS[protocols[i]!], disabled: disabled[i] !== 0, keys: [] }]));
    of.forEach((place, i) => {
      const key = keys.slice(i * KEY_BYTES, (i + 1) * KEY_BYTES);
      now.get(identities[place]!)!.keys.push({ keyId: keyIds[i]!, key });
    });
    keys.fill(0);
    this.#devices = now;
    this.version = version;
    const events: DeviceEvent[] = [];
    for (const [identity, device] of now) {
      const old = before.get(identity);
      if (old === undefined) events.push({ identity, change: 'added' });
      else if (device.disabled !== old.disabled) events.push({ identity, change: device.disabled ? 'disabled' : 'enabled' });
      else if (!device.disabled && !sameKeys(device, old)) events.push({ identity, change: 'keys' });
    }
    for (const [identity, { keys: gone }] of before) {
      if (!now.has(identity)) events.push({ identity, change: 'disabled' });
      for (const { key } of gone) key.fill(0);
    }
    return events;
  }

  wipe(): void {
    for (const { keys } of this.#devices.values()) for (const { key } of keys) key.fill(0);
    this.#devices = new Map();
  }
}

/** Both are ours: nothing is learned from how long this takes. */
function sameKeys(a: Device, b: Device): boolean {
  return a.keys.length === b.keys.length
    && a.keys.every(({ keyId, key }, i) => keyId === b.keys[i]!.keyId && Buffer.compare(key, b.keys[i]!.key) === 0);
}
