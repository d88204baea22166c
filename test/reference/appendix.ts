// The appendix of docs/protocol.md: the central vectors in hex, in lines that fit a page.

import { handshakes } from './vectors-handshake.js';
import { frames } from './vectors-frame.js';

const BEGIN = '<!-- vectors: begin -->';
const END = '<!-- vectors: end -->';
const WIDTH = 92;
const NAME = 20;

/** `    name            hex`, wrapped. */
function field(name: string, hex: string): string {
  const lines = hex.match(new RegExp(`.{1,${WIDTH}}`, 'g')) ?? [''];
  return lines.map((line, i) => `    ${(i ? '' : name).padEnd(NAME)}${line}`).join('\n');
}

type Json = Record<string, string> & { frames: Record<string, string>; toGateway: Record<string, string>; toDevice: Record<string, string> };

function section(title: string, name: string): string {
  const json = handshakes.find((each) => each.name === name)!.json as Json;
  const derived = ['deviceKey', ...(json['gatewaySecret'] ? ['gatewaySecret', 'address'] : []), 'H', 'C', 'transcript', 'prk', 'gatewayProof', 'deviceProof'];
  return [
    `### ${title}\n`,
    ...derived.map((key) => field(key, json[key]!)),
    ...(json['port'] ? [`    port                ${json['port']}`] : []),
    ...(['toGateway', 'toDevice'] as const).flatMap((key) => [field(`${key} k`, json[key]['key']!), field(`${key} iv`, json[key]['iv']!)]),
    '\n    on the wire',
    ...Object.entries(json.frames).map(([key, hex]) => field(key === 'first' ? 'DATA "21.5"' : key.toUpperCase(), hex)),
    '',
  ].join('\n');
}

function frameSection(): string {
  const chosen = ['DATA that wants an ACK', 'ACK ok', 'PING', 'PONG', 'CLOSE', 'SKIP', 'ROUTE', 'ROUTE that wants an ACK', 'FRAGMENT, the first of three', 'FRAGMENT, the last of three'];
  const all = frames() as Record<string, string | number>[];
  const parts = chosen.flatMap((name) =>
    handshakes.map((handshake) => {
      const frame = all.find((each) => each['name'] === name && each['session'] === handshake.name)!;
      return field(handshake.name, frame['frame'] as string);
    }),
  );
  const each = handshakes.length;
  return [
    '### Frames to the gateway, counter 1, session time 1,000\n',
    ...chosen.flatMap((name, i) => {
      const frame = all.find((other) => other['name'] === name)!;
      const led = frame['id'] === undefined ? '' : `, id ${frame['id']}, age ${frame['age']}`;
      return [`${name}${led}: type ${frame['type']}, body \`${frame['body']}\`\n`, ...parts.slice(i * each, (i + 1) * each), ''];
    }),
  ].join('\n');
}

export function appendix(): string {
  return [
    section('Handshake on a stream, `sealed`, identity `pump-00007`', 'stream sealed'),
    section('Handshake on datagrams, `sealed`, identity `pump-00007`', 'datagram sealed'),
    frameSection(),
  ].join('\n');
}

/** The document with the appendix in its place. */
export function withAppendix(document: string): string {
  const from = document.indexOf(BEGIN), to = document.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/protocol.md has lost its marks ${BEGIN} and ${END}`);
  return `${document.slice(0, from + BEGIN.length)}\n\n${appendix()}\n${document.slice(to)}`;
}
