/**
 * Answers SNTP requests with this machine's wall clock, for devices that know no other way to the time. It says of itself
 * what is true: whom it follows, how far the clock may be off, and where that is not known, that it is not synchronised.
 * Unauthenticated, as SNTP is; an answer is as long as its request, and who asks too often gets none.
 */
import { createHash, randomInt } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP, isIPv4 } from 'node:net';
import type { Clock } from '../clock.js';
import { TidelockError } from '../errors.js';
import { formatHost, ipv6Groups } from '../transport/address.js';
import { firstOnly, onDatagram } from '../transport/udp-socket.js';
import type { TimeAddress } from './address.js';
import type { Estimate } from './client.js';
import { decodePacket, encodePacket, LEAP_UNSYNCHRONISED, MODE_CLIENT, MODE_SERVER, PACKET_BYTES, type NtpPacket } from './packet.js';
import { LARGEST_STRATUM } from './sample.js';
import { toNtp, UNKNOWN } from './timestamp.js';

/** Of the wall clock, which Node gives in whole ms: the next power of 2 in seconds. */
const PRECISION = -10;
/** ms: a clock that may be further off is no clock to follow (MAXDIST of RFC 5905). */
const LARGEST_ERROR = 1_000;
/** "Not yet synchronised" (RFC 5905 section 7.4), and what stratum 16 is in a packet. */
const INIT = 0x494e_4954;

export interface ResponderOptions {
  readonly listen: TimeAddress;
  readonly clock: Clock;
  readonly estimate: () => Estimate | undefined;
  /** May this address have an answer now? */
  readonly admit: (address: string, now: number) => boolean;
  readonly failed: (error: Error) => void;
}

export class SntpResponder {
  /** Requests answered, and those that were none or too many. */
  answered = 0;
  dropped = 0;
  readonly #socket: Socket;
  readonly #options: ResponderOptions;

  private constructor(socket: Socket, options: ResponderOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Rejects with SNTP_LISTEN_FAILED. */
  static async listen(options: ResponderOptions): Promise<SntpResponder> {
    const { host, port } = options.listen;
    const socket = createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4', ipv6Only: false });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error: NodeJS.ErrnoException) => {
        const address = `${formatHost(host)}:${port}`;
        reject(new TidelockError('SNTP_LISTEN_FAILED', { address, reason: error.code ?? error.message }, { cause: error }));
      });
      socket.bind(port, host, resolve);
    });
    socket.removeAllListeners('error').on('error', options.failed);
    const responder = new SntpResponder(socket, options);
    onDatagram(socket, (bytes, from) => responder.#answer(bytes, from), firstOnly(options.failed));
    return responder;
  }

  /** `host:port`, with the real port. */
  get address(): string {
    const { address, port } = this.#socket.address();
    return `${formatHost(address)}:${port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(bytes: Buffer, from: RemoteInfo): void {
    const { clock, estimate, admit } = this.#options;
    const received = clock.unix();
    // Longer requests have a MAC or extension fields, which this side could not honour: no answer is better than a wrong one.
    const request = bytes.length === PACKET_BYTES ? decodePacket(bytes) : undefined;
    // An answer is never itself a request, so that two of us cannot be made to talk to each other for ever.
    if (request === undefined || request.mode !== MODE_CLIENT || request.version < 1 || request.version > 4 || !admit(from.address, clock.now())) {
      this.dropped += 1;
      return;
    }
    this.answered += 1;
    const answer = encodePacket(answerTo(request, received, clock, estimate()));
    this.#socket.send(answer, from.port, from.address, () => undefined); // whoever asked may be gone
  }
}

/** The answer to a request that came at `received`, Unix ms. */
export function answerTo(request: NtpPacket, received: number, clock: Clock, known: Estimate | undefined): NtpPacket {
  const at = blurred(received);
  const common = {
    version: request.version, mode: MODE_SERVER, poll: request.poll, precision: PRECISION,
    origin: request.transmit, receive: toNtp(at), transmit: toNtp(Math.max(at, blurred(clock.unix()))),
  };
  const off = known === undefined ? Infinity : Math.abs(known.error) + known.bound;
  if (known === undefined || off > LARGEST_ERROR || known.source.sample.stratum >= LARGEST_STRATUM) {
    return { ...common, leap: LEAP_UNSYNCHRONISED, stratum: 0, rootDelay: 0, rootDispersion: 0, reference: INIT, updated: UNKNOWN };
  }
  const { sample, address } = known.source;
  const age = clock.now() - sample.at;
  return {
    ...common,
    leap: sample.leap,
    stratum: sample.stratum + 1,
    rootDelay: sample.rootDelay + sample.delay / 1_000,
    // `bound` has half of the root delay in it already: said twice, because the clock served is ours, not the server's.
    rootDispersion: off / 1_000,
    reference: referenceOf(address),
    updated: toNtp(received - age),
  };
}

/** The followed server: its IPv4 address, or the first bytes of the MD5 of its IPv6 address (RFC 5905 section 7.3). */
function referenceOf(address: string): number {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number)).readUInt32BE(0);
  const bytes = Buffer.from(ipv6Groups(address).flatMap((group) => [group >> 8, group & 0xff]));
  return createHash('md5').update(bytes).digest().readUInt32BE(0);
}

/** What is finer than our ms is random, so that no two answers bear the same time (RFC 5905 section 6). Unix ms. */
function blurred(unix: number): number {
  return Math.floor(unix) + randomInt(1_000) / 1_000;
}
