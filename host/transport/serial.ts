/**
 * Serial lines: the datagram form, one COBS frame a datagram, over any Duplex. A line has one station at each end and no
 * addresses. It may lose and change bytes: what was changed has no valid tag, and what was lost is sent again, as on UDP.
 */
import type { Duplex } from 'node:stream';
import type { Clock, ClockTimer } from '../clock.js';
import { TidelockError } from '../errors.js';
import { formatAddress, type Address } from './address.js';
import { CobsDecoder, encodeCobs, encodedBytes } from './cobs.js';
import { DatagramPort, type Source } from './datagram-port.js';
import type { DatagramAcceptor, Link, LinkOwner, LinkTotals } from './link.js';

/** The largest frame: a body of 16,383 bytes, its header of 10 and a tag of 16. */
const LARGEST_FRAME = 16_409;
/** Bytes that may wait for the line; beyond it frames are dropped: at 115,200 baud these take 5 s, more than any window. */
const QUEUE_BYTES = 65_536;
/** ms before a port that went away is tried again, doubling. */
const FIRST_WAIT = 500, LONGEST_WAIT = 15_000;

/** Opens the port at `address`. Rejects with DRIVER_MISSING or SERIAL_FAILED. */
export async function openSerial(address: Address): Promise<Duplex> {
  const { host: path, port: baudRate } = address;
  let driver: typeof import('serialport');
  try {
    driver = await import('serialport');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' ? 'serialport is not installed' : (error as Error).message;
    throw new TidelockError('DRIVER_MISSING', { kind: 'serial ports', reason, command: 'npm install serialport@13' }, { cause: error });
  }
  /** Of itself a destroyed SerialPort keeps its file open and locked. */
  class ClosedWhenDestroyed extends driver.SerialPort {
    override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
      if (this.isOpen) this.close(() => done(error));
      else done(error);
    }
  }
  return new Promise((resolve, reject) => {
    const port = new ClosedWhenDestroyed({ path, baudRate, autoOpen: false });
    port.open((error) => {
      if (error === null) resolve(port);
      else reject(serialError(address, error));
    });
  });
}

/** Why a port could not be opened, in the words of docs/errors.md. */
export function serialError({ host }: Address, error: Error): TidelockError {
  return error instanceof TidelockError ? error : new TidelockError('SERIAL_FAILED', { path: host, reason: error.message }, { cause: error });
}

/** Frames over a Duplex. */
export class SerialLine {
  /** Frames that had no room. */
  dropped = 0;
  readonly #duplex: Duplex;
  readonly #totals: LinkTotals;
  readonly #decoder = new CobsDecoder(LARGEST_FRAME);
  #open = true;

  /** `gone` is called once, when the Duplex is closed or has failed. */
  constructor(duplex: Duplex, totals: LinkTotals, received: (frame: Buffer) => void, drained: () => void, gone: (error: Error | undefined) => void) {
    this.#duplex = duplex;
    this.#totals = totals;
    const over = (error?: Error): void => {
      if (!this.#open) return;
      this.#open = false;
      duplex.destroy();
      gone(error);
    };
    duplex.on('data', (chunk: Buffer) => {
      totals.bytesIn += chunk.length;
      this.#decoder.push(chunk, (frame) => {
        if (this.#open) received(frame);
      });
    });
    duplex.on('drain', drained);
    duplex.on('error', over);
    duplex.on('end', () => over());
    duplex.on('close', () => over());
  }

  /** Bytes that the line has not taken yet. */
  get waiting(): number {
    return this.#duplex.writableLength;
  }

  get hasRoom(): boolean {
    return this.#open && this.waiting < QUEUE_BYTES;
  }

  /** Frames that came spoiled. */
  get spoiled(): number {
    return this.#decoder.spoiled;
  }

  /** One write for all frames. A delimiter leads them: what noise put on an idle line ends there. */
  send(frames: readonly Buffer[]): void {
    if (!this.hasRoom) {
      this.dropped += frames.length;
      return;
    }
    let bytes = 1;
    for (const frame of frames) bytes += encodedBytes(frame.length) + 1;
    const out = Buffer.allocUnsafe(bytes);
    let at = 1;
    out[0] = 0;
    for (const frame of frames) at = encodeCobs(frame, out, at);
    this.#totals.bytesOut += at;
    this.#totals.writes += 1;
    this.#duplex.write(out.subarray(0, at));
  }

  pause(): void {
    this.#duplex.pause();
  }

  resume(): void {
    this.#duplex.resume();
  }

  /** Closed, once what was written has left; `gone` of the constructor is not called. */
  close(): Promise<void> {
    this.#open = false;
    const duplex = this.#duplex;
    if (duplex.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      duplex.once('close', () => resolve());
      // A line that nobody reads never takes what waits: the owner destroys it then.
      duplex.end(() => duplex.destroy());
    });
  }

  destroy(): void {
    this.#open = false;
    this.#duplex.destroy();
  }
}

/** A gateway's end of a line. Its sessions outlive the port's absence, as on UDP an address: until they are idle for too long. */
export class SerialPort extends DatagramPort {
  readonly kind = 'serial';
  readonly #address: Address;
  readonly #acceptor: DatagramAcceptor;
  readonly #clock: Clock;
  readonly #open: (address: Address) => Promise<Duplex>;
  readonly #from: Source;
  #line: SerialLine | undefined;
  #timer: ClockTimer | undefined;
  #closed = false;

  private constructor(address: Address, acceptor: DatagramAcceptor, clock: Clock, open: (address: Address) => Promise<Duplex>) {
    super(formatAddress(address), acceptor);
    this.#address = address;
    this.#acceptor = acceptor;
    this.#clock = clock;
    this.#open = open;
    this.#from = { address: address.host, port: 0 };
  }

  /** Rejects with SERIAL_FAILED or DRIVER_MISSING. `open` gives the Duplex, now and whenever the port was away. */
  static async listen(address: Address, acceptor: DatagramAcceptor, clock: Clock, open = openSerial): Promise<SerialPort> {
    const port = new SerialPort(address, acceptor, clock, open);
    port.#attach(await open(address));
    return port;
  }

  get hasRoom(): boolean {
    return this.#line?.hasRoom === true;
  }

  send(bytes: Buffer): void {
    this.#line?.send([bytes]);
  }

  /** Whoever is at the line's other end is at the same place as ever. */
  sourceOf(): Buffer {
    return Buffer.alloc(18);
  }

  peerOf(address: string): string {
    return address;
  }

  protected async closeMedium(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#line?.close();
  }

  #attach(duplex: Duplex): void {
    if (this.#closed) {
      duplex.destroy();
      return;
    }
    const gone = (error: Error | undefined): void => {
      this.#line = undefined;
      this.#acceptor.failed(serialError(this.#address, error ?? new Error('it went away; waiting for it')));
      this.#again(FIRST_WAIT);
    };
    this.#line = new SerialLine(duplex, this.#acceptor.totals, (frame) => this.received(frame, this.#from), () => undefined, gone);
  }

  #again(wait: number): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(wait, () => {
      this.#open(this.#address).then(
        (duplex) => this.#attach(duplex),
        () => this.#again(Math.min(LONGEST_WAIT, 2 * wait)),
      );
    }, true);
  }
}

/** A device's end of a line. Opens it: `opened` once it stands, `owner.linkGone` where it cannot be opened. */
export function connectSerial(address: Address, owner: LinkOwner, totals: LinkTotals, opened: () => void, open = openSerial): Link {
  const link = new SerialLink(address, totals);
  link.owner = owner;
  open(address).then((duplex) => link.attach(duplex, opened), (error: unknown) => link.failed(error as Error));
  return link;
}

class SerialLink implements Link {
  readonly kind = 'serial';
  readonly datagram = true;
  readonly address: string;
  readonly port = 0;
  owner: LinkOwner | undefined;
  closing = false;
  readonly #totals: LinkTotals;
  #line: SerialLine | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #paused = false;
  /** Frames of a chunk that came while it was paused. */
  #held: Buffer[] = [];

  constructor({ host }: Address, totals: LinkTotals) {
    this.address = host;
    this.#totals = totals;
  }

  get peer(): string {
    return this.address;
  }

  get waiting(): number {
    return this.#pendingBytes + (this.#line?.waiting ?? 0);
  }

  attach(duplex: Duplex, opened: () => void): void {
    if (this.closing) {
      duplex.destroy();
      return;
    }
    this.#line = new SerialLine(duplex, this.#totals, (frame) => this.#received(frame), () => this.owner?.linkDrained(), (error) => this.failed(error));
    opened();
  }

  failed(error: Error | undefined): void {
    const { owner } = this;
    if (this.closing) return;
    this.closing = true;
    this.owner = undefined;
    owner?.linkGone(error);
  }

  write(bytes: Buffer): void {
    if (this.closing) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  flush(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#line?.send(pending);
    if (this.#line?.hasRoom === true) this.owner?.linkDrained();
  }

  pause(): void {
    this.#paused = true;
    this.#line?.pause();
  }

  resume(): void {
    if (this.closing) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const frame of held) this.#received(frame);
    if (!this.#paused) this.#line?.resume();
  }

  end(gone: () => void): void {
    this.flush();
    this.closing = true;
    this.owner = undefined;
    if (this.#line === undefined) gone();
    else void this.#line.close().then(gone);
  }

  destroy(): void {
    this.closing = true;
    this.owner = undefined;
    this.#line?.destroy();
  }

  ref(): void {
    // An open port keeps the process alive, and has no way not to.
  }

  unref(): void {
    // As above.
  }

  #received(frame: Buffer): void {
    if (this.#paused) this.#held.push(frame);
    else if (!this.closing) this.owner?.linkReceived(frame);
  }
}
