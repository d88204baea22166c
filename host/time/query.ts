/** One question to one time server. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { Clock } from '../clock.js';
import type { TimeAddress } from './address.js';
import { decodePacket, encodePacket, MODE_CLIENT, type NtpPacket } from './packet.js';
import { answers, judge, type Exchange, type Verdict } from './sample.js';
import { UNKNOWN, type NtpTimestamp } from './timestamp.js';

/** `address`: of the server that was asked; empty where its name could not be resolved. */
export type Answer = (Verdict | { readonly kind: 'silent'; readonly reason: string }) & { readonly address: string };

/** A longer round trip could not be believed: half of it would be more than the largest bound. */
const WAIT_MS = 2_000;

/**
 * Asks once; never throws. A socket of its own for each question, with a port of the system's choice, connected, so that
 * the system drops what comes from elsewhere.
 */
export async function ask({ host, port }: TimeAddress, clock: Clock, signal?: AbortSignal): Promise<Answer> {
  let address: string, family: number;
  try {
    ({ address, family } = await lookup(host));
  } catch (error) {
    return { kind: 'silent', reason: `its name cannot be resolved (${(error as NodeJS.ErrnoException).code ?? 'no address'})`, address: '' };
  }
  return new Promise((resolve) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    const sent = randomTimestamp();
    let sentAt = 0;
    let ended = false;
    const end = (result: Verdict | { kind: 'silent'; reason: string }): void => {
      if (ended) return;
      ended = true;
      timer.cancel();
      signal?.removeEventListener('abort', aborted);
      socket.close();
      resolve({ ...result, address });
    };
    const silent = (reason: string): void => end({ kind: 'silent', reason });
    const aborted = (): void => silent('the question was taken back');
    const timer = clock.after(WAIT_MS, () => silent('no answer'), true);
    socket.on('error', (error: NodeJS.ErrnoException) => silent(error.code ?? error.message));
    socket.on('message', (bytes) => {
      if (ended) return;
      const receivedAt = clock.now();
      const exchange: Exchange = { sent, sentAt, receivedAt, unix: clock.unix() };
      const packet = decodePacket(bytes);
      // What does not answer this question is no answer: the right one may still come.
      if (packet !== undefined && answers(packet, exchange)) end(judge(packet, exchange));
    });
    if (signal?.aborted === true) return aborted();
    signal?.addEventListener('abort', aborted, { once: true });
    socket.connect(port, address, () => {
      if (ended) return;
      sentAt = clock.now();
      socket.send(encodePacket(request(sent)));
    });
  });
}

/**
 * All zero but version, mode and `transmit` (RFC 4330 section 5). `transmit` is random in all its bits, not this machine's
 * time: an answer repeats it, so that it is the proof that its sender saw the request, and a request tells nobody our clock.
 */
function request(transmit: NtpTimestamp): NtpPacket {
  const zero = UNKNOWN;
  return {
    leap: 0, version: 4, mode: MODE_CLIENT, stratum: 0, poll: 0, precision: 0, rootDelay: 0, rootDispersion: 0, reference: 0,
    updated: zero, origin: zero, receive: zero, transmit,
  };
}

function randomTimestamp(): NtpTimestamp {
  const bytes = randomBytes(8);
  return { seconds: bytes.readUInt32BE(0), fraction: bytes.readUInt32BE(4) };
}
