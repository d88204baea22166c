/** The device of a cell, which may lose its power at any time: a new one with the same name and key takes its place. */
import { Device, type DeviceCounters, type DeviceMessage, type DeviceOptions, type DeviceRecord, type RecordStore } from 'tidelock/device';

export interface ApplianceOwner {
  message(message: DeviceMessage): unknown;
  failed(error: Error): void;
}

/** A store for the device's record that outlives its power, as flash does. */
export class Flash implements RecordStore {
  readonly when = 'before';
  #record: DeviceRecord | undefined;

  load(): DeviceRecord | undefined {
    return this.#record;
  }

  store(record: DeviceRecord): void {
    this.#record = record;
  }
}

export class Appliance {
  device: Device;
  owner: ApplianceOwner | undefined;
  /** Sessions of those before. */
  #sessions = 0;
  readonly #options: DeviceOptions;
  readonly #closing = new Set<Promise<void>>();

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.device = this.#start();
  }

  get sessions(): number {
    return this.#sessions + this.counters.sessions;
  }

  get counters(): DeviceCounters {
    return this.device.counters();
  }

  /** Its RAM is lost; whether the gateway hears a last word of it depends on what the link does. */
  restart(): void {
    const before = this.device;
    this.#sessions += before.counters().sessions;
    this.#end(before);
    this.device = this.#start();
  }

  async close(): Promise<void> {
    this.#end(this.device);
    await Promise.all(this.#closing);
  }

  #end(device: Device): void {
    device.off('message', this.#onMessage); // what is still on its way to it was not obeyed
    const closing = device.close({ drain: 0 });
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }

  readonly #onMessage = (message: DeviceMessage): unknown => this.owner?.message(message);

  #start(): Device {
    const device = new Device(this.#options);
    device.on('message', this.#onMessage);
    device.on('error', (error) => this.owner?.failed(error));
    return device;
  }
}
