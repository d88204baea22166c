/**
 * The Node package's device (its core, its sender and what its engine does between them), with the time and the randomness in a
 * test's hand, and a record of all that went in as commands for the C client (c/script.c).
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { abi } from '../core/engine/engine.js';
import { KEY } from './peer.js';

type Fill = typeof crypto.randomFillSync;
const realFill: Fill = crypto.randomFillSync;
/** What randomFillSync gives; undefined: true randomness. */
let fill: ((bytes: number) => Uint8Array) | undefined;
// Before the package is loaded: it imports the function by name.
crypto.randomFillSync = ((buffer: Uint8Array, offset = 0, size = buffer.length - offset) => {
  if (fill === undefined) return realFill(buffer, offset, size);
  buffer.set(fill(size), offset);
  return buffer;
}) as Fill;
syncBuiltinESMExports();
const { DeviceCore } = await import('../../dist/host/core/index.js');
const { DeviceSender } = await import('../../dist/host/device/sending.js');

export interface NodeSettings {
  link: number;
  suites: number;
  budget?: number;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex') || '-';

export class NodeDevice {
  /** Commands for c/script.c, and for each what this device put out. */
  readonly commands: string[] = [];
  readonly outputs: string[][] = [];
  /** Bytes for the link, since they were last taken. */
  out: Buffer[] = [];
  linked = false;
  wantsLink = false;
  isOnline = false;
  /** What the application says to the next messages. */
  verdict: number = abi.ACK_OK;
  #sender!: InstanceType<typeof DeviceSender>;
  #core!: Awaited<ReturnType<typeof DeviceCore.load>>;
  #ok = 0;
  #refused: { id: number; status: number } | undefined;
  readonly #random: (bytes: number) => Uint8Array;

  private constructor(random: (bytes: number) => Uint8Array) {
    this.#random = random;
  }

  static async start(settings: NodeSettings, now: number, random: (bytes: number) => Uint8Array): Promise<NodeDevice> {
    const device = new NodeDevice(random);
    device.#sender = new DeviceSender('the gateway', { bytes: 8_000, messages: 1_000, full: 'refuse' });
    device.#drawing();
    device.#core = await DeviceCore.load({
      id: 'pump-7', key: Buffer.from(KEY), keyId: 0, link: settings.link, suites: settings.suites, largest: 512, roundTrip: 0,
      outbox: device.#sender.outbox.number, outLow: 1, outSent: 0, outNext: device.#sender.outbox.ready, inOutbox: 0, inLast: 0,
    }, {
      output: (bytes) => device.out.push(bytes),
      message: (chunk, start, end, id, _time, flags) => device.#message(id, flags),
      wanted: (first, count) => device.#sender.wanted(first, count),
      result: (id, status) => device.#sender.result(id, status),
      outboxUnknown: (doubt) => device.#sender.outboxUnknown(doubt),
      connect: () => (device.wantsLink = true),
      disconnect: () => (device.linked = device.isOnline = false),
      online: (_suite, _session, fresh) => {
        device.isOnline = true;
        if (fresh) [device.#ok, device.#refused] = [0, undefined];
      },
      refused: () => undefined, closed: () => undefined, clock: () => undefined,
    }, 'core-device' as never);
    fill = undefined;
    device.#draw(device.#numberOf(device.#sender.outbox.number));
    device.commands.push(`open ${now} ${hex(KEY)} pump-7 ${settings.link} ${settings.suites} 512 16000 512 0 -`);
    device.outputs.push([]);
    device.#note(`start ${now}`, () => device.#core.start(now), now);
    return device;
  }

  #numberOf(outbox: number): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(outbox);
    return bytes;
  }

  /** Gives the C client what this one drew. */
  #draw(bytes: Uint8Array): void {
    this.commands.push(`random ${hex(bytes)}`);
    this.outputs.push([]);
  }

  #drawing(): void {
    fill = (bytes) => {
      const drawn = this.#random(bytes);
      this.#draw(drawn);
      return drawn;
    };
  }

  #message(id: number, flags: number): void {
    if (id === 0 || this.#refused !== undefined) return;
    const status = (flags & abi.TYPE_MASK) === abi.SKIP ? abi.ACK_OK : this.verdict;
    if (status === abi.ACK_OK) this.#ok = id;
    else this.#refused = { id, status };
  }

  /** As the engine's flush: verdicts, then what the sender has to say. */
  #flush(now: number): void {
    do {
      if (this.#ok > 0) {
        const id = this.#ok;
        this.#ok = 0;
        this.#core.answer(id, abi.ACK_OK, now);
      }
      if (this.#refused !== undefined) {
        const { id, status } = this.#refused;
        this.#refused = undefined;
        this.#core.answer(id, status, now);
      }
      this.#sender.flush(this.#core, now);
    } while (this.#ok > 0 || this.#refused !== undefined);
  }

  #note(command: string, run: () => void, now: number): void {
    const before = this.out.length;
    const numbered = this.#sender.outbox.number;
    this.#drawing();
    run();
    this.#flush(now);
    fill = undefined;
    // A new outbox got its number from randomBytes, which nobody replaces: the C client draws the same one.
    if (this.#sender.outbox.number !== numbered) this.#draw(this.#numberOf(this.#sender.outbox.number));
    this.commands.push(command);
    this.outputs.push(this.out.slice(before).map(hex));
  }

  connected(now: number): void {
    this.wantsLink = false;
    this.linked = true;
    this.#note(`connected ${now}`, () => this.#core.connected(now), now);
  }

  lost(now: number): void {
    this.linked = this.wantsLink = this.isOnline = false;
    this.#note(`disconnected ${now}`, () => this.#core.lost(now), now);
  }

  receive(bytes: Uint8Array, now: number): void {
    this.#note(`receive ${now} ${hex(bytes)}`, () => this.#core.receive(Buffer.from(bytes), now), now);
  }

  poll(now: number): number {
    let wait = 0;
    this.#note(`poll ${now}`, () => (wait = this.#core.poll(now)), now);
    return wait;
  }

  send(body: Uint8Array, doubt: 'report' | 'repeat', now: number): void {
    this.#note(`send ${now} 0 ${doubt === 'repeat' ? 1 : 0} ${hex(body)}`, () => {
      this.#sender.outbox.add(body, now, { lifetime: Infinity, doubt, signal: undefined }).acknowledged.catch(() => undefined);
    }, now);
  }

  post(body: Uint8Array, now: number): void {
    this.#note(`post ${now} ${hex(body)}`, () => {
      if (this.isOnline) this.#sender.post(body);
    }, now);
  }

  clockLost(now: number): void {
    this.#note(`lost ${now}`, () => this.#core.clockLost(now), now);
  }

  say(verdict: number): void {
    this.verdict = verdict;
    this.commands.push(`verdict ${verdict}`);
    this.outputs.push([]);
  }

  stop(now: number): void {
    this.#note(`stop ${now}`, () => this.#core.stop(now), now);
  }
}
