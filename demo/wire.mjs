/**
 * The wire between device and gateway, in the hands of somebody who holds no key: it passes bytes on, and on request it
 * changes, holds back or repeats a frame. It needs to know where frames begin and end (docs/protocol.md), nothing else.
 */
import net from 'node:net';

/**
 * @typedef {'up' | 'down'} Way  up: device to gateway
 * @typedef {{ way: Way, type: number, bytes: Buffer }} Frame
 * @typedef {(frame: Frame) => Buffer[] | Promise<Buffer[]>} Trick  what is passed on in place of the frame
 */

export const DATA = 8;
const TYPE_BITS = 0x1f;
const PROOF = 3;
const READY = 4;
/** Time and tag of a sealed frame; HELLO, CHALLENGE and PROOF have neither. */
const TIME = 3;
const TAG = 16;
/** Bytes of the first connection that are kept, to play them again. */
const KEPT = 4096;

export class Wire {
  /** Where the device connects to. */
  url = '';
  /** Bytes of HELLO, CHALLENGE, PROOF and READY of the first session, as they went by. */
  handshake = 0;
  /** The first bytes that the first connection carried to the gateway. */
  recorded = Buffer.alloc(0);
  /** @type {{ way: Way, type: number, trick: Trick, done: () => void } | undefined} */
  #trick;
  /** @type {Set<net.Socket>} */
  #sockets = new Set();
  #server = net.createServer({ allowHalfOpen: true }, (socket) => this.#join(socket));
  #target;
  #connections = 0;

  /** @param {string} target  URL of the gateway */
  constructor(target) {
    this.#target = new URL(target);
  }

  async open() {
    await new Promise((resolve, reject) => this.#server.once('error', reject).listen(0, '127.0.0.1', () => resolve(undefined)));
    const { port } = /** @type {net.AddressInfo} */ (this.#server.address());
    this.url = `tidelock://127.0.0.1:${port}`;
  }

  /**
   * Plays a trick on the next frame of this type in this direction; fulfilled when it was played.
   * @param {Way} way
   * @param {number} type
   * @param {Trick} trick
   * @returns {Promise<void>}
   */
  next(way, type, trick) {
    return new Promise((done) => (this.#trick = { way, type, trick, done }));
  }

  close() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** @param {net.Socket} device */
  #join(device) {
    const first = (this.#connections += 1) === 1;
    const gateway = net.connect({ host: this.#target.hostname, port: Number(this.#target.port), allowHalfOpen: true });
    for (const socket of [device, gateway]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
    }
    this.#pump(device, gateway, 'up', first);
    this.#pump(gateway, device, 'down', first);
  }

  /**
   * @param {net.Socket} from
   * @param {net.Socket} to
   * @param {Way} way
   * @param {boolean} first
   */
  #pump(from, to, way, first) {
    let rest = Buffer.alloc(0);
    let queue = Promise.resolve();
    from.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let size = frameSize(rest); size <= rest.length; size = frameSize(rest)) {
        const frame = { way, type: rest[0] & TYPE_BITS, bytes: Buffer.from(rest.subarray(0, size)) };
        rest = rest.subarray(size);
        if (first) this.#remember(frame);
        queue = queue.then(async () => {
          for (const bytes of await this.#meddle(frame)) if (to.writable) to.write(bytes);
        });
      }
    });
    from.on('end', () => void queue.then(() => to.end()));
    from.on('error', () => undefined); // 'close' follows
    from.on('close', () => {
      this.#sockets.delete(from);
      void queue.then(() => to.destroySoon());
    });
  }

  /** @param {Frame} frame */
  #remember({ way, type, bytes }) {
    if (type <= READY) this.handshake += bytes.length;
    if (way === 'up' && this.recorded.length + bytes.length <= KEPT) this.recorded = Buffer.concat([this.recorded, bytes]);
  }

  /**
   * @param {Frame} frame
   * @returns {Promise<Buffer[]>}
   */
  async #meddle(frame) {
    const trick = this.#trick;
    if (trick === undefined || trick.way !== frame.way || trick.type !== frame.type) return [frame.bytes];
    this.#trick = undefined;
    const passed = await trick.trick(frame);
    trick.done();
    return passed;
  }
}

/**
 * Bytes of the frame that begins here; Infinity where its length has not come yet.
 * @param {Buffer} bytes
 */
function frameSize(bytes) {
  if (bytes.length < 2 || (bytes[1] >= 0x80 && bytes.length < 3)) return Infinity;
  const long = bytes[1] >= 0x80;
  const body = long ? (bytes[1] & 0x7f) | (bytes[2] << 7) : bytes[1];
  const protection = (bytes[0] & TYPE_BITS) <= PROOF ? 0 : TIME + TAG;
  return (long ? 3 : 2) + protection + body;
}
