/** What devices are to Home Assistant, as it is kept: the bridge knows what the fields mean. */

export interface EntityRow {
  readonly identity: string;
  /** Name of the entity, unique within its device: small letters, digits and `_`. */
  readonly entity: string;
  /** A JSON object, at most 16 KiB. */
  readonly config: string;
  /** It is to be taken back; the row goes when the broker has been told. */
  readonly removed: boolean;
}

export interface EntityStore {
  /** Adds an entity or changes it. Rejected with DEVICE_UNKNOWN, BAD_OPTION; QUEUE_FULL where the device has 100. */
  announce(identity: string, entity: string, config: object): Promise<void>;
  /** Takes one back, or all of the device. Fulfilled with how many. */
  unannounce(identity: string, entity?: string): Promise<number>;
  /** All rows, those to be taken back too, in order of identity and entity; of one device, or of devices behind `after`, whole. */
  list(options?: { identity?: string; after?: string; limit?: number }): Promise<EntityRow[]>;
  /** The broker has been told that these are gone. */
  forget(identity: string, entities: readonly string[]): Promise<void>;
}
