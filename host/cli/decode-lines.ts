/** Items of `decode` as lines for people, and as objects for programs. */
import pc from 'picocolors';
import type { Frame, Item, Note, Where } from '../decode/index.js';
import { decodeText, escapeBytes, escapeText } from './escape.js';

type Colours = ReturnType<typeof pc.createColors>;
/** Of a body, in a line. */
const SHOWN = 60;

/** What a line of JSON holds: a body as `text`, or as `base64` where it is not UTF-8. */
export function forPrograms(item: Item): object {
  if (item.kind === 'note') return { ...item, ...when(item.at) };
  const { body, bytes, unix, at, ...rest } = item;
  const text = body === undefined ? undefined : decodeText(body);
  return {
    ...rest,
    ...when(at),
    bodyBytes: bytes,
    ...(unix === undefined ? {} : { unix: instant(unix) }),
    ...(body === undefined ? {} : text === undefined ? { base64: body.toString('base64') } : { text }),
  };
}

function when(at: number | undefined): object {
  return at === undefined ? {} : { at: instant(at) };
}

/** Lines for people: one an item, with `verbose` its fields below. Colours only on a terminal. */
export function createPrinter(verbose: boolean): (item: Item) => string[] {
  const colours = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true);
  return (item) => (item.kind === 'note' ? [noteLine(item, colours)] : [frameLine(item, colours), ...(verbose ? fieldLines(item) : [])]);
}

function noteLine(note: Note, colours: Colours): string {
  const place = note.packet === undefined && note.offset === undefined ? '' : `${placeOf(note)}  `;
  const sides = note.from === undefined ? '' : `${note.from} → ${note.to}  `;
  return `${place}${sides}${colours.yellow(`${note.about}:`)} ${escapeText(note.text)}`;
}

function frameLine(frame: Frame, colours: Colours): string {
  const arrow = frame.direction ?? 'direction unknown';
  const sides = frame.from === undefined ? arrow : `${frame.from} → ${frame.to}`;
  const details = [...detailsOf(frame), ...commonOf(frame)].join(', ');
  const verdict =
    frame.verdict === 'holds' ? colours.green('holds') : frame.verdict === 'refused' ? colours.red(`REFUSED ${escapeText(frame.why)}`) : colours.yellow(`not judged: ${escapeText(frame.why)}`);
  return `${placeOf(frame)}  ${sides}  ${colours.bold(frame.type.padEnd(9))}  ${details}${details === '' ? '' : '  '}${verdict}`;
}

function placeOf({ packet, at, offset }: Partial<Where>): string {
  if (packet === undefined) return `@${offset ?? 0}`;
  return `#${packet}${at === undefined ? '' : ` ${instant(at).slice(11, 23)}`}`;
}

/** What a type is about. */
function detailsOf(frame: Frame): string[] {
  const { fields, type } = frame;
  const text = (name: string): string => escapeText(String(fields[name]));
  if (Object.keys(fields).length === 0) {
    if (frame.body === undefined || frame.body.length === 0) return [`${frame.bytes} bytes`];
    return [`${frame.bytes} bytes`, `"${shorten(frame.body)}"${frame.verdict === 'unknown' ? ' (anybody may have written it)' : ''}`];
  }
  switch (type) {
    case 'HELLO':
      return [text('identity'), `offers ${text('suites')}`, `key ${text('keyId')}`, text('link')];
    case 'CHALLENGE':
      return [text('suite'), `session ${hex(Number(fields['session']))}`, `window ${text('window')} ms`, `time ${text('time')}`];
    case 'PROOF':
      return [text('identity'), `session ${hex(Number(fields['session']))}`];
    case 'READY':
      return [`life ${text('life')} s`, `idle ${text('idle')} s`, `bodies up to ${text('largest')}`, `outbox ${hex(Number(fields['outbox']))}`];
    case 'ACK':
      return [`of ${text('acknowledges')}: ${text('means')}`];
    case 'ROUTE':
    case 'DELIVER':
      return [
        `topic ${text('topic')}`, ...(fields['lifetime'] ? [`worth ${text('lifetime')} s`] : []), ...(fields['trust'] === undefined ? [] : [`trust ${text('trust')}`]),
        `${text('bytes')} bytes`, ...(fields['text'] === undefined ? [] : [`"${shorten(Buffer.from(String(fields['text'])))}"`]),
      ];
    case 'CLOSE':
      return [text('means'), ...(fields['retryAfter'] ? [`come back after ${text('retryAfter')} s`] : []), ...(fields['text'] === undefined ? [] : [`"${text('text')}"`])];
    default:
      return Object.keys(fields).map((name) => `${name} ${text(name)}`);
  }
}

/** What every protected frame has. */
function commonOf(frame: Frame): string[] {
  const said: string[] = [];
  if (frame.id !== undefined) said.push(`id ${frame.id}`, ...(frame.age ? [`${(frame.age / 1000).toFixed(1)} s old`] : []));
  else if (frame.wanted && frame.verdict === 'unknown') said.push('wants an ACK');
  if (frame.repeat) said.push('may have been acted on before');
  if (frame.counter !== undefined) said.push(`counter ${frame.counter}${frame.timeBits !== undefined && frame.link === 'datagram' ? ' (lower 16 bits)' : ''}`);
  if (frame.time !== undefined) said.push(`${frame.time} ms${frame.timeBits === undefined ? '' : ` (lower ${frame.timeBits} bits)`}`);
  return said;
}

function fieldLines(frame: Frame): string[] {
  const rows: [string, unknown][] = [
    ['frame', `${frame.total} bytes at ${frame.offset}, ${frame.link}, ${frame.direction ?? 'direction unknown'}`],
    ['flags', [frame.wanted && 'wants an ACK', frame.repeat && 'repeat'].filter(Boolean).join(', ') || 'none'],
    ['identity', frame.identity],
    ['session', frame.session === undefined ? undefined : hex(frame.session)],
    ['counter', frame.counter],
    ['time', frame.time === undefined ? undefined : `${frame.time} ms${frame.timeBits === undefined ? '' : `, lower ${frame.timeBits} bits`}`],
    ['at', frame.unix === undefined ? undefined : `${instant(frame.unix)} by the gateway's clock`],
    ['late', frame.off === undefined || frame.at === undefined ? undefined : `${frame.off} ms where it was captured`],
    ['id', frame.id],
    ['age', frame.age === undefined ? undefined : `${frame.age} ms`],
    ...Object.entries(frame.fields),
    ['body', frame.body === undefined ? `${frame.bytes} bytes` : `${frame.body.length} bytes "${escapeBytes(frame.body)}"`],
  ];
  return rows.filter(([, value]) => value !== undefined).map(([name, value]) => `      ${name.padEnd(12)} ${typeof value === 'string' && name !== 'body' ? escapeText(value) : String(value)}`);
}

function shorten(body: Buffer): string {
  const text = escapeBytes(body.subarray(0, SHOWN));
  return body.length > SHOWN ? `${text}…` : text;
}

function hex(number: number): string {
  return number.toString(16).padStart(8, '0');
}

function instant(unix: number): string {
  return Math.abs(unix) <= 8.64e15 ? new Date(unix).toISOString() : String(unix);
}
