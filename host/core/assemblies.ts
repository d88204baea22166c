/**
 * Messages that come as FRAGMENTs, put together in the host's memory. The core says where each part belongs and when the last
 * one is there; here they are bounded in bytes, and the one that has waited longest gives way.
 */
interface Assembly {
  readonly id: number;
  readonly body: Buffer;
}

export class Assemblies {
  /** Oldest first, by session slot. */
  readonly #bySlot = new Map<number, Assembly>();
  readonly #limit: number;
  readonly #forget: (slot: number) => void;
  #bytes = 0;

  /**
   * @param limit  bytes of all messages that are not whole yet
   * @param forget  tells the core that the parts of a slot are gone: they will be sent again
   */
  constructor(limit: number, forget: (slot: number) => void) {
    this.#limit = limit;
    this.#forget = forget;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A part: `place` is its offset in the low half, the message's length in the high half. */
  add(slot: number, id: number, place: number, from: Buffer, start: number, end: number): void {
    const total = place >>> 16;
    let assembly = this.#bySlot.get(slot);
    if (assembly === undefined || assembly.id !== id || assembly.body.length !== total) {
      this.drop(slot);
      this.#makeRoom(total);
      assembly = { id, body: Buffer.alloc(total) };
      this.#bySlot.set(slot, assembly);
      this.#bytes += total;
    }
    from.copy(assembly.body, place & 0xffff, start, end);
  }

  /** The whole message. */
  take(slot: number): Buffer | undefined {
    const body = this.#bySlot.get(slot)?.body;
    this.drop(slot);
    return body;
  }

  drop(slot: number): void {
    const assembly = this.#bySlot.get(slot);
    if (assembly === undefined) return;
    this.#bySlot.delete(slot);
    this.#bytes -= assembly.body.length;
  }

  #makeRoom(bytes: number): void {
    for (const slot of this.#bySlot.keys()) {
      if (this.#bytes + bytes <= this.#limit) return;
      this.drop(slot);
      this.#forget(slot);
    }
  }
}
