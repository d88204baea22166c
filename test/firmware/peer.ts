/** A gateway's engine with a host of a few lines: the peer of a single device on one link at a time. */
import { EngineGateway, type Receipts } from '../core/engine/gateway.js';
import { type Told, abi } from '../core/engine/engine.js';

export const KEY = new Uint8Array(32).fill(0x5a);

export class Peer {
  readonly engine: EngineGateway;
  readonly toDevice: Uint8Array[] = [];
  readonly taken: string[] = [];
  /** Whole bodies of ROUTEs. */
  readonly routed: Buffer[] = [];
  /** Messages without acknowledgement. */
  readonly posted: string[] = [];
  /** Results of what was sent down, by body. */
  readonly results = new Map<string, number>();
  online = false;
  /** The verdict on what comes. */
  verdict: () => number = () => abi.ACK_OK;
  readonly #link: number;
  #slot = -1;
  #inOutbox = 0;
  #inLast = 0;
  #outbox = 0x1001;
  #low = 1;
  #sent = 0;
  /** Number 1 is a SKIP. */
  #bodies = new Map<number, Uint8Array>();
  readonly #types = new Map<Uint8Array, number>();
  #next = 2;
  #epoch = 0n;

  constructor(link: number, now: number, options: { suites?: number; random?: () => Uint8Array; secret?: Uint8Array } = {}) {
    this.#link = link;
    this.engine = new EngineGateway({
      unix: 1_750_000_000_000n, now, suites: options.suites ?? 7, suitesTls: 7, key: () => KEY, secret: options.secret ?? new Uint8Array(32).fill(9),
      lastEpoch: () => this.#epoch, accept: (slot, _session, outbox) => this.#accept(slot, outbox), ...(options.random && { random: options.random }),
    });
  }

  #accept(slot: number, outbox: number): Receipts {
    this.#epoch = this.engine.view.getBigUint64(this.engine.slotAddress(slot) + abi.S_EPOCH);
    if (outbox !== this.#inOutbox) this.#inLast = 0;
    this.#inOutbox = outbox;
    this.online = true;
    this.#slot = slot;
    return { inLast: this.#inLast, outOutbox: this.#outbox, outLow: this.#low, outSent: this.#sent, outNext: this.#ready };
  }

  get #ready(): number {
    return this.#low === 1 ? 2 : this.#next;
  }

  /** Forgets what it has taken: the device's outbox is unknown to it. */
  forget(): void {
    this.#inOutbox = this.#inLast = 0;
  }

  link(now: number): void {
    this.engine.now = now;
    this.online = false;
    this.#slot = this.engine.open(this.#link);
  }

  unlink(): void {
    this.online = false;
    this.toDevice.length = 0;
    if (this.#slot >= 0) this.engine.free(this.#slot);
    this.#slot = -1;
  }

  receive(bytes: Uint8Array, now: number): void {
    if (this.#slot < 0) return;
    this.engine.now = now;
    this.#from(this.engine.receive(this.#slot, bytes));
  }

  send(body: Uint8Array, now: number, type: number = abi.DATA): void {
    if (type !== abi.DATA) this.#types.set(body, type);
    this.#bodies.set(this.#next++, body);
    if (!this.online) return;
    this.engine.now = now;
    this.#from(this.engine.queue(this.#slot, this.#ready));
  }

  post(body: Uint8Array, now: number): void {
    if (!this.online) return;
    this.engine.now = now;
    this.#from(this.engine.send(this.#slot, [{ id: 0, body }]));
  }

  /** The largest datagram that the path to the device takes. */
  setBudget(bytes: number): void {
    this.engine.setBudget(this.#slot, bytes);
  }

  tick(now: number): void {
    this.engine.now = now;
    for (const told of this.engine.tick().values()) this.#from(told);
  }

  close(reason: number, now: number): void {
    this.engine.now = now;
    if (this.online) this.#from(this.engine.close(this.#slot, reason));
  }

  #from(told: Told): void {
    this.toDevice.push(...told.output);
    for (const event of told.events) this.#event(event);
  }

  #event({ kind, a, d, bytes }: Told['events'][number]): void {
    if (kind === abi.EV_DISCONNECT) this.online = false;
    if (kind === abi.EV_MESSAGE && d === 0) this.posted.push(Buffer.from(bytes!).toString());
    if (kind === abi.EV_MESSAGE && d !== 0 && d === this.#inLast + 1) {
      const skip = (a & abi.TYPE_MASK) === abi.SKIP, status = skip ? abi.ACK_OK : this.verdict();
      if (status === abi.ACK_OK) {
        this.#inLast = d;
        if (!skip) this.taken.push(Buffer.from(bytes!).toString());
        if ((a & abi.TYPE_MASK) === abi.ROUTE) this.routed.push(Buffer.from(bytes!));
      }
      this.#from(this.engine.answer(this.#slot, d, status));
    }
    if (kind === abi.EV_SEND) {
      for (let id = d; id < d + a; id++) {
        const body = this.#bodies.get(id);
        this.#from(this.engine.send(this.#slot, [{ id, body: body ?? new Uint8Array(), type: body ? (this.#types.get(body) ?? abi.DATA) : abi.SKIP }]));
        if (this.engine.status > 0) this.#sent = Math.max(this.#sent, id);
      }
    }
    if (kind === abi.EV_RESULT && a === abi.ACK_OK) {
      for (; this.#low <= d; this.#low++) {
        const body = this.#bodies.get(this.#low);
        if (body && !this.results.has(Buffer.from(body).toString())) this.results.set(Buffer.from(body).toString(), a);
      }
      this.#from(this.engine.queue(this.#slot, this.#ready));
    } else if (kind === abi.EV_RESULT && a < abi.ACK_STALE) {
      const body = this.#bodies.get(d);
      if (body) this.results.set(Buffer.from(body).toString(), a);
      this.#bodies.delete(d);
    }
    if (kind === abi.EV_OUTBOX) {
      this.#outbox += 1;
      this.#bodies = new Map([...this.#bodies].filter(([id]) => id > d).map(([, body], i) => [i + 2, body]));
      this.#low = 1;
      this.#sent = 0;
      this.#next = this.#bodies.size + 2;
      this.#from(this.engine.close(this.#slot, abi.CLOSE_OUTBOX));
    }
  }
}
