/** Sessions of the test vectors as bytes that were captured, and what the decoder says of bytes. */
import { Decoder, type DecodeOptions, type Frame, type Item, type Note } from '../../dist/host/decode/index.js';
import { TYPE, WANTED, writeAck, writeClose, writeLed, writePing } from '../reference/bodies.js';
import { ascii, unhex } from '../reference/bytes.js';
import { seal } from '../reference/frame.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { type HandshakeVector, vectors } from '../core/engine/vector-file.js';
import type { Said } from './captures.js';

export const DEVICE = { address: '192.0.2.7', port: 50_000 };
export const GATEWAY = { address: '198.51.100.1', port: 8433 };
export const EPOCH = Number(vectors.handshakes[0]!.challenge.time);

export const streams = vectors.handshakes.filter(({ link }) => link === 'stream');
export const datagrams = vectors.handshakes.filter(({ link }) => link === 'datagram');
export const sealedStream = streams.find(({ suite }) => suite === 'sealed')!;
export const sealedDatagram = datagrams.find(({ suite }) => suite === 'sealed')!;

export const keyOf = (v: HandshakeVector): DecodeOptions => ({
  keys: (identity) => (identity === v.hello.identity ? [unhex(v.deviceKey)] : []),
});

/** A frame under the keys of this handshake. */
export function frame(v: HandshakeVector, up: boolean, counter: number, type: number, body: Uint8Array, time = 100): Buffer {
  const direction = handshakes.find(({ name }) => name === v.name)![up ? 'toGateway' : 'toDevice'];
  return Buffer.from(seal(direction, { type, body, time, counter: BigInt(counter) }));
}

/** Handshake, and frames of every type both ways; each is captured when it was stamped. */
export function session(v: HandshakeVector, begin = EPOCH): Said[] {
  const said = (up: boolean, bytes: Uint8Array, time: number): Said => ({ up, bytes: Buffer.from(bytes), at: begin + time });
  const sent = (up: boolean, counter: number, type: number, body: Uint8Array, time = 100): Said => said(up, frame(v, up, counter, type, body, time), time);
  return [
    said(true, unhex(v.frames.hello), -20),
    said(false, unhex(v.frames.challenge), 0),
    said(true, unhex(v.frames.proof), 20),
    said(false, unhex(v.frames.ready), v.ready.time),
    sent(true, 0, TYPE.DATA, ascii('21.5')),
    sent(true, 1, TYPE.DATA | WANTED, writeLed(1, 32, ascii('valve is open'))),
    sent(false, 1, TYPE.ACK, writeAck({ id: 1, status: 0 })),
    sent(true, 2, TYPE.PING, writePing(9n)),
    sent(false, 2, TYPE.DATA | WANTED, writeLed(1, 0, ascii('close it'))),
    sent(true, 3, TYPE.ACK, writeAck({ id: 1, status: 0x81 })),
    sent(false, 3, TYPE.CLOSE, writeClose(3, 5, 'bye')),
  ];
}

/** Everything that is said of what `feed` puts in. */
export function items(options: DecodeOptions, feed: (decoder: Decoder) => void): Item[] {
  const all: Item[] = [];
  const decoder = new Decoder(options, (item) => all.push(item));
  feed(decoder);
  decoder.end();
  return all;
}

export function ofInput(options: DecodeOptions, bytes: Buffer, piece = 65_536): Item[] {
  return items(options, (decoder) => {
    const input = decoder.input();
    for (let at = 0; at < bytes.length; at += piece) input.push(bytes.subarray(at, at + piece));
    input.end();
  });
}

export const frames = (all: readonly Item[]): Frame[] => all.filter((item): item is Frame => item.kind === 'frame');
export const notes = (all: readonly Item[]): Note[] => all.filter((item): item is Note => item.kind === 'note');

/** Type and verdict of each, `!` where it is refused, `?` where it is not judged. */
export function brief(all: readonly Item[]): string {
  return all.map((item) => (item.kind === 'note' ? `[${item.about}]` : item.type + { holds: '', refused: '!', unknown: '?' }[item.verdict])).join(' ');
}

export const WHOLE = 'HELLO? CHALLENGE PROOF READY DATA DATA ACK PING DATA ACK CLOSE';
