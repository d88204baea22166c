/**
 * A gateway's answer to DISCOVER. It goes to whoever asked, is shorter than the question, and does not leave the link (its
 * time to live is 1), so that nobody far away can be made to get it.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Clock, ClockTimer } from '../clock.js';
import { DiscoveryCore, type OfferedLink } from '../core/index.js';
import { TidelockError } from '../errors.js';
import { firstOnly, onDatagram } from '../transport/udp-socket.js';
import { DISCOVERY_PORT, GROUP_V4, GROUP_V6, localLinks, type Link } from './groups.js';

/** ms after which interfaces that came meanwhile are joined. */
const LOOK = 60_000;

export interface DiscoveryOptions {
  /** Has the form of an identity. */
  readonly name: string;
  readonly port?: number;
  readonly clock: Clock;
  /** Where to listen; by default everywhere. */
  readonly local?: () => readonly Link[];
  /** What to offer to an asker on this machine, and to any other. */
  readonly links: (loopback: boolean) => readonly OfferedLink[];
  /** May this address have an answer now? */
  readonly admit: (address: string, now: number) => boolean;
  readonly failed: (error: Error) => void;
}

export class DiscoveryResponder {
  /** OFFERs sent; datagrams that were no DISCOVER, too many, or found nothing to offer. */
  offered = 0;
  dropped = 0;
  readonly #options: DiscoveryOptions;
  readonly #core = new DiscoveryCore();
  readonly #sockets: { readonly socket: Socket; readonly family: 4 | 6 }[] = [];
  readonly #joined = new Set<string>();
  #timer: ClockTimer | undefined;

  private constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Rejects with DISCOVERY_FAILED. A machine without IPv6 answers by IPv4 alone. */
  static async listen(options: DiscoveryOptions): Promise<DiscoveryResponder> {
    const responder = new DiscoveryResponder(options);
    try {
      await responder.#open(4);
      await responder.#open(6).catch((error: NodeJS.ErrnoException) => {
        if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(error.code ?? '')) throw error;
      });
    } catch (error) {
      await responder.close();
      const { code, message } = error as NodeJS.ErrnoException;
      throw new TidelockError('DISCOVERY_FAILED', { port: options.port ?? DISCOVERY_PORT, reason: code ?? message }, { cause: error });
    }
    responder.#look();
    return responder;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await Promise.all(this.#sockets.map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  async #open(family: 4 | 6): Promise<void> {
    // Several gateways of one machine each get every DISCOVER.
    const socket = createSocket(family === 4 ? { type: 'udp4', reuseAddr: true } : { type: 'udp6', reuseAddr: true, ipv6Only: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(this.#options.port ?? DISCOVERY_PORT, family === 4 ? '0.0.0.0' : '::', resolve);
    });
    socket.setTTL(1);
    socket.removeAllListeners('error').on('error', this.#options.failed);
    onDatagram(socket, (bytes, from) => this.#answer(socket, bytes, from), firstOnly(this.#options.failed));
    this.#sockets.push({ socket, family });
  }

  /** Joins what is not joined yet. An interface that has gone is left by the system. */
  #look(): void {
    const links = (this.#options.local ?? localLinks)();
    const there = new Set(links.map(({ family, local }) => `${family} ${local}`));
    for (const known of this.#joined) if (!there.has(known)) this.#joined.delete(known);
    for (const { family, local } of links) {
      const socket = this.#sockets.find((entry) => entry.family === family)?.socket;
      if (socket === undefined || this.#joined.has(`${family} ${local}`)) continue;
      try {
        if (family === 4) socket.addMembership(GROUP_V4, local);
        else socket.addMembership(GROUP_V6, `::%${local}`);
        this.#joined.add(`${family} ${local}`);
      } catch {
        // An interface without multicast, or that is just going; broadcasts reach us all the same.
      }
    }
    this.#timer = this.#options.clock.after(LOOK, () => this.#look(), false);
  }

  #answer(socket: Socket, bytes: Buffer, from: RemoteInfo): void {
    const { clock, admit, links, name } = this.#options;
    const frame = this.#core.read(bytes);
    const offered = frame?.type === 'discover' && admit(from.address, clock.now()) ? links(isLoopback(from.address)) : [];
    if (frame?.type !== 'discover' || offered.length === 0) {
      this.dropped += 1;
      return;
    }
    this.offered += 1;
    socket.send(this.#core.offer(frame.token, offered, name), from.port, from.address, () => undefined); // whoever asked may be gone
  }
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
