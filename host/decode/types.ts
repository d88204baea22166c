/** What `decode` says: frames, and notes on what is none. */
import type { Direction } from '../core/observer.js';

/** Where bytes were found. */
export interface Where {
  /** Byte in its stream, or in the datagram, hexadecimal text or file that held it. */
  offset: number;
  /** Number of the packet in the capture, from 1. */
  packet?: number;
  /** Unix ms of the capture, with its fraction. */
  at?: number;
  /** `address:port`. */
  from?: string;
  to?: string;
}

export type Verdict =
  /** Its proof or tag holds, and its receiver would have taken it. */
  | 'holds'
  /** Its receiver refuses it; `why` says why. */
  | 'refused'
  /** It has the right form; `why` says what is missing to say more. */
  | 'unknown';

export type Value = string | number | boolean;

export interface Frame extends Where {
  kind: 'frame';
  link: 'stream' | 'datagram';
  /** Undefined where nothing tells. */
  direction: Direction | undefined;
  /** HELLO, DATA, …; `type N` for a code without a name. */
  type: string;
  code: number;
  /** Flags of the first byte. */
  wanted: boolean;
  repeat: boolean;
  /** Of the whole frame, and of its body with id and age. */
  total: number;
  bytes: number;
  verdict: Verdict;
  why: string;
  /** Identity of the session's device. */
  identity?: string;
  /** Number of the session, from CHALLENGE. */
  session?: number;
  /** Counter of its direction: 64 bits under the key, else as far as it is counted or stands there. */
  counter?: number | string;
  /** Session ms; `timeBits` 24 where only the lower bits are known. */
  time?: number;
  timeBits?: number;
  /** Unix ms by the gateway's clock. */
  unix?: number;
  /** ms by which it was late (or early, negative) where it was captured. */
  off?: number;
  id?: number;
  /** ms */
  age?: number;
  /** Opened, or clear: then `verdict` says whether it can be believed. */
  body?: Buffer;
  /** What the type's body says, by the names of the protocol's text. */
  fields: Record<string, Value>;
}

export interface Note extends Partial<Where> {
  kind: 'note';
  /** `fault`: bytes that are wrong; `gap`: bytes that are missing; `other`: another protocol; `limit`: a bound of decode's was met. */
  about: 'fault' | 'gap' | 'other' | 'limit';
  text: string;
}

export type Item = Frame | Note;

/** Keys that may be this identity's, in the order in which they are tried. Called once a handshake. */
export type FindKeys = (identity: string, keyId: number) => readonly Uint8Array[];

export interface DecodeOptions {
  /** Hexadecimal and binary input: datagrams in place of a stream. A capture says so itself. */
  datagram?: boolean;
  keys?: FindKeys;
  /** Port of gateways in captures, where no HELLO tells who is who. Default 8433. */
  port?: number;
}
