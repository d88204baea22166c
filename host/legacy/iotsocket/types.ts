/** What the gateway's and the device's side of IoTSocket take and tell. Times in ms, instants Unix ms. */

/** Settings of the gateway's side. */
export interface IotsocketOptions {
  /**
   * Where devices of this protocol connect, such as `iotsocket://0.0.0.0:9000`. Without it they use the ports of `listen`,
   * where the first byte tells them from the others.
   */
  listen?: string | readonly string[];
  /** Identity, ten digits, to key: for a gateway without a registry. */
  devices?: Readonly<Record<string, string>> | ReadonlyMap<string, string>;
  /** Asked at the first frame of a connection: the key, or undefined where the device is unknown. Without a registry. */
  lookup?: IotsocketLookup;
  /** Messages that a device may send in 3 s; default 333, at most 30,000. Each costs 8 bytes a connection. */
  rate?: number;
  /** Frames that may wait for one device; default 100. */
  queue?: number;
}

export type IotsocketLookup = (identity: string) => string | undefined | Promise<string | undefined>;

/** A message from a device, or to one. */
export interface IotsocketMessage {
  /** Ten digits. */
  readonly device: string;
  /** A view; it keeps the chunk it came in from being freed. */
  readonly body: Buffer;
  /** When its sender says that it was made. */
  readonly time: number;
  /** `tls`: the link is TLS. `none`: anybody on the way could read and change it, key included. */
  readonly trust: 'tls' | 'none';
  text(): string;
}
