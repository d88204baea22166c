/**
 * A connection to a broker without TLS, read into one buffer. While many answers are missing it is read every few milliseconds only: mosquitto writes
 * each PUBACK by itself, and a gateway that wakes for every third of them spends a fifth of its CPU on that (9.4 for 7.7 µs a message in bridge.through).
 */
import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { Answers } from './answers.js';

/** Bytes of one read. */
const BUFFER = 64 << 10;
/** ms for which nothing is read. An ok waits longer for others of its device (gateway/through.ts). */
const HOLD_MS = 3;
/** Answers that are missing at once, from which on they are read together. */
const MANY = 64;
/** And so many times what comes while nothing is read: else all that may be under way is answered in that time, and nothing goes on before its end. */
const HOLDS = 4;

export interface SocketSetup {
  readonly host: string;
  readonly port: number;
  /** MQTT 5, where a PUBACK may have a reason code. */
  readonly reasons: boolean;
  readonly clock: Clock;
  answered(id: number, reason: number): void;
  /** Answers that are missing. */
  missing(): number;
}

/** What is no short PUBACK is read from it as from any stream. */
export function openSocket({ host, port, reasons, clock, answered, missing }: SocketSetup): Socket {
  let took = false, full = false;
  // Answers since then, and how many came in HOLD_MS before that.
  let since = clock.now(), came = 0, pace = 0;
  const answers = new Answers(reasons, {
    answered: (id, reason) => {
      took = true;
      came += 1;
      answered(id, reason);
    },
    other: (bytes) => {
      full = !socket.push(Buffer.from(bytes)); // the buffer is used again
    },
  });
  const goOn = (): void => void socket.read(0);
  const socket = createConnection({
    host, port,
    onread: {
      buffer: Buffer.allocUnsafeSlow(BUFFER),
      // False: no more is read before the stream is asked for some, as its reader does by itself once it has less.
      callback: (bytes, buffer) => {
        took = full = false;
        answers.take((buffer as Buffer).subarray(0, bytes));
        const now = clock.now();
        if (now - since >= HOLD_MS) {
          pace = (came * HOLD_MS) / (now - since);
          since = now;
          came = 0;
        }
        if (full) return false;
        if (!took || bytes === BUFFER || missing() < Math.max(MANY, HOLDS * pace)) return true;
        clock.after(HOLD_MS, goOn, true);
        return false;
      },
    },
  });
  return socket;
}
