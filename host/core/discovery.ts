/** DISCOVER and OFFER as the core writes and reads them (docs/protocol.md, section 16). */
import * as abi from '../../assembly/abi.js';
import { TidelockError } from '../errors.js';
import { instantiate, preferredBuild, type Build, type CoreExports } from './module.js';

/** One way in: HELLO's link bits, and the port at the address that the OFFER came from. */
export interface OfferedLink {
  readonly link: number;
  readonly port: number;
}

export type DiscoveryFrame =
  | { readonly type: 'discover'; readonly token: Buffer }
  | { readonly type: 'offer'; readonly token: Buffer; readonly links: readonly OfferedLink[]; readonly name: string };

export const TOKEN_BYTES = 8;

export class DiscoveryCore {
  readonly #x: CoreExports;
  readonly #at: number;
  readonly #memory: Buffer;

  constructor(build: Build = preferredBuild()) {
    this.#x = instantiate(build);
    this.#at = this.#x['dc_arena']!();
    this.#memory = Buffer.from(this.#x.memory.buffer); // this instance has no slots, so its memory never grows
  }

  /** The datagram that asks; `token`: 8 bytes. */
  discover(token: Uint8Array): Buffer {
    this.#put(abi.D_TOKEN, token.subarray(0, TOKEN_BYTES));
    return this.#frame(this.#x['dc_discover']!());
  }

  /** The datagram that answers. Throws RangeError: 1 to 8 links with ports, and a name that has the form of an identity. */
  offer(token: Uint8Array, links: readonly OfferedLink[], name: string): Buffer {
    const bytes = Buffer.from(name, 'utf8');
    if (links.length > abi.DISCOVERY_LINKS || bytes.length > abi.DISCOVERY_NAME_BYTES) throw new RangeError('an OFFER has at most 8 links and 64 bytes of name');
    this.#put(abi.D_TOKEN, token.subarray(0, TOKEN_BYTES));
    this.#memory[this.#at + abi.D_COUNT] = links.length;
    this.#memory[this.#at + abi.D_NAME_BYTES] = bytes.length;
    for (const [index, { link, port }] of links.entries()) {
      this.#memory[this.#at + abi.D_LINKS + 4 * index] = link;
      this.#memory.writeUInt16LE(port, this.#at + abi.D_LINKS + 4 * index + 2);
    }
    this.#put(abi.D_NAME, bytes);
    const length = this.#x['dc_offer']!();
    if (length < 0) throw new RangeError('an OFFER needs a link, ports above 0, and a name that has the form of an identity');
    return this.#frame(length);
  }

  /** What `datagram` is; undefined: neither of the two. */
  read(datagram: Uint8Array): DiscoveryFrame | undefined {
    if (datagram.length > abi.DISCOVERY_BYTES) return undefined;
    this.#put(abi.D_FRAME, datagram);
    const type = this.#x['dc_read']!(datagram.length);
    if (type === 0) return undefined;
    const token = Buffer.from(this.#view(abi.D_TOKEN, TOKEN_BYTES));
    if (type === abi.DISCOVER) return { type: 'discover', token };
    if (type !== abi.OFFER) throw new TidelockError('CORE_FAILED', { call: 'dc_read', status: type });
    const links = Array.from({ length: this.#memory[this.#at + abi.D_COUNT]! }, (_, index): OfferedLink => {
      const at = this.#at + abi.D_LINKS + 4 * index;
      return { link: this.#memory[at]!, port: this.#memory.readUInt16LE(at + 2) };
    });
    const name = this.#view(abi.D_NAME, this.#memory[this.#at + abi.D_NAME_BYTES]!).toString('utf8');
    return { type: 'offer', token, links, name };
  }

  #put(offset: number, bytes: Uint8Array): void {
    this.#memory.set(bytes, this.#at + offset);
  }

  #view(offset: number, length: number): Buffer {
    return this.#memory.subarray(this.#at + offset, this.#at + offset + length);
  }

  #frame(length: number): Buffer {
    return Buffer.from(this.#view(abi.D_FRAME, length));
  }
}
