// What the Python programs do with each other, and what we do in their place. Each conversation was observed on the
// original; `taken` and `closed` are what it did, where `safer` does not say that ours does something else, and why.

import { fromClient, fromServer, ID, KEY, lines } from './frames.js';

/** TIME, so many seconds from the receiver's clock. */
export type Time = (off?: number) => string;

export interface Step {
  /** Seconds by which the receiver's clock moves before it. */
  wait?: number;
  /** Which connection speaks; default `a`. */
  who?: 'a' | 'b';
  /** One write. */
  say?: (time: Time) => string | Buffer;
  /** So many writes, each a step's. */
  times?: number;
  /** Payloads that the application gets. */
  taken?: readonly (string | Buffer)[];
  /** The connection is closed, without a byte. */
  closed?: boolean;
}

export interface Conversation {
  name: string;
  steps: readonly Step[];
  /** Ours is stricter, or kinder, than the original here: what the original does. */
  safer?: string;
  /** Needs a second connection. */
  two?: boolean;
  /** Needs a frame longer than a small device's buffer. */
  long?: boolean;
}

const client = (body: string, off = 0, headers: { iot?: string; date?: string; device?: string; key?: string } = {}) =>
  (time: Time): string => fromClient({ time: time(off), ...headers }, body);
const server = (body: string, off = 0, headers: { iot?: string; device?: string; key?: string } = {}) =>
  (time: Time): string => fromServer({ time: time(off), ...headers }, body);
const oneLine = (body: string) => (time: Time): string => `${lines({ time: time() })}\r\n\r\n${body}|#|`;
const taken = (name: string, body: string, say = client(body), result = body): Conversation =>
  ({ name, steps: [{ say, taken: [result] }], long: body.length > 900 });
const closed = (name: string, say: (time: Time) => string | Buffer, long = false): Conversation => ({ name, steps: [{ say, closed: true }], long });
/** A write in two parts, of which the first ends behind `before`. */
const split = (name: string, whole: string, before: number, safer: string): Conversation => ({
  name,
  safer,
  steps: [
    { say: (time) => client(whole)(() => time(0)).slice(0, before) },
    { say: (time) => client(whole)(() => time(0)).slice(before), taken: [whole] },
  ],
});
const HEAD = client('')(() => '0000000000.0000').length - 3;

/** What a device says to the gateway. */
export const towardsGateway: readonly Conversation[] = [
  { name: 'the first frame is the login, and each frame is a message', steps: [
    { say: client('temp=33.5&humid=40%'), taken: ['temp=33.5&humid=40%'] }, { say: client('second message', 0.1), taken: ['second message'] }] },
  { name: "a leading line end, and the server's layout, are understood", steps: [
    { say: (time) => `\r\n${client('hello server')(time)}`, taken: ['hello server'] },
    { say: server('layout of the server', 0.1, { key: KEY }), taken: ['layout of the server'] }] },
  taken('headers in any order', 'hello', (time) => `KEY:${KEY}\r\nDEVICE:${ID}\r\nTIME:${time()}\r\nDATE:x\r\nIOT:1.1\r\n\r\nhello|#|`),
  closed('a colon in a value', client('hello', 0, { key: 'a:b' })),
  closed('empty values', client('hello', 0, { date: '', key: '' })),
  closed('six headers', (time) => `${lines({ time: time() })}\r\nX:1\r\n\r\n\r\nhello|#|`),
  closed('four headers', (time) => `IOT:1.1\r\nTIME:${time()}\r\nDEVICE:${ID}\r\nKEY:${KEY}\r\n\r\nhello|#|`),
  closed('a blank behind the version', client('hello', 0, { iot: '1.1 ' })),
  closed('a wrong key', client('hello', 0, { key: 'bad' })),
  { name: 'after a wrong key the identity is free at once', two: true, steps: [
    { say: client('hello', 0, { key: 'bad' }), closed: true }, { who: 'b', say: client('hello'), taken: ['hello'] }] },
  closed('an identity of nine digits', client('hello', 0, { device: '123456789' })),
  closed('an identity of eleven digits', client('hello', 0, { device: '12345678901' })),
  closed('an identity of letters', client('hello', 0, { device: 'abcdefghij' })),
  taken('an identity with leading zeros', 'hello', client('hello', 0, { device: '0000000042' })),
  { name: 'another identity in the second frame', steps: [
    { say: client('hello'), taken: ['hello'] }, { say: client('hello2', 0.1, { device: '1234567891' }), closed: true }] },
  { name: 'a second connection of a connected identity is refused, the first stays', two: true, steps: [
    { say: client('hello one'), taken: ['hello one'] }, { who: 'b', say: client('hello two', 0.1, { key: 'bad' }), closed: true },
    { say: client('hello three', 0.2), taken: ['hello three'] }] },
  closed('TIME 3.1 s late', client('hello', -3.1)),
  closed('TIME 3 s late', client('hello', -3)),
  closed('TIME 3 s early', client('hello', 3)),
  closed('TIME 3.0001 s early', client('hello', 3.0001)),
  taken('TIME 2.9 s early', 'hello', client('hello', 2.9)),
  taken('TIME 2.9999 s late', 'hello', client('hello', -2.9999)),
  { name: 'of TIME four decimals count', steps: [
    { say: (time) => fromClient({ time: `${time()}1` }, 'first'), taken: ['first'] }, { say: (time) => fromClient({ time: `${time()}2` }, 'again'), closed: true }] },
  closed('TIME without a point', (time) => fromClient({ time: time().slice(0, -5) }, 'first')),
  { name: 'stamps in any order', steps: [{ say: client('first', 1), taken: ['first'] }, { say: client('second', -1), taken: ['second'] }] },
  { name: '332 messages, a pause, and two more', steps: [
    { say: client('message'), times: 332 }, { wait: 3.2, say: client('after the pause'), taken: ['after the pause'] }, { say: client('and another', 0.1), taken: ['and another'] }] },
  closed('no payload', client('')),
  closed('a payload of one character', client('x')),
  closed('a payload of four characters', client('xxxx')),
  taken('a payload of five characters', 'xxxxx'),
  taken('a payload of six characters', 'xxxxxx'),
  taken('white space around a payload is lost', 'hello world', client('\r\n\t  hello world \r\n ')),
  taken('an empty line in a payload stays', 'part1\r\n\r\npart2'),
  taken('60,000 characters', 'x'.repeat(60_000)),
  taken('62,532 characters', 'x'.repeat(62_532)),
  closed('62,533 characters', client('x'.repeat(62_533)), true),
  taken('62,534 characters behind one empty line', 'x'.repeat(62_534), oneLine('x'.repeat(62_534))),
  closed('62,535 characters behind one empty line', oneLine('x'.repeat(62_535)), true),
  taken('30,000 characters of two bytes', 'é'.repeat(30_000)),
  taken('a header part of 1,023 characters', 'hello', (time) => longHeader(time(), 1_023)),
  closed('a header part of 1,024 characters', (time) => longHeader(time(), 1_024)),
  closed('bytes that are no UTF-8', (time) => Buffer.concat([Buffer.from(client('hel')(time).slice(0, -3)), Buffer.from('fffe6c6f7c237c', 'hex')])),
  taken('characters of two, three and four bytes', 'grüße €😀'),
  taken('control characters', 'a\u0000\u0001\u0002b'),
  { name: 'three frames in one write', steps: [
    { say: (time) => [0, 0.1, 0.2].map((off, i) => client(`${['first', 'second', 'third'][i]} one`, off)(time)).join(''), taken: ['first one', 'second one', 'third one'] }] },
  { name: 'a bad frame between good ones ends it', steps: [
    { say: (time) => client('first one')(time) + client('second one', 0.1, { iot: '9' })(time) + client('third one', 0.2)(time), taken: ['first one'], closed: true }] },
  { name: 'a delimiter too many', steps: [
    { say: (time) => `${client('hello')(time)}|#|${client('world', 0.1)(time)}`, taken: ['hello', 'world'] }] },
  { name: 'delimiters alone before the login', steps: [{ say: () => '|#||#|' }, { say: client('hello'), taken: ['hello'] }] },
  { name: 'the delimiter in a write of its own', steps: [
    { say: (time) => client('hello world')(time).slice(0, -3) }, { say: () => '|#|', taken: ['hello world'] }, { say: client('next one', 0.1), taken: ['next one'] }] },
  { name: 'a lone delimiter keeps the connection for 90 s', steps: [
    { say: client('login message'), taken: ['login message'] }, { wait: 80, say: () => '|#|' }, { wait: 80 },
    { say: client('still here'), taken: ['still here'] }, { wait: 91, closed: true }] },
  { name: 'what is no frame is closed, here when the first frame is due', steps: [{ say: () => 'GET / HTTP/1.1\r\n\r\n' }, { wait: 11, closed: true }] },
  { name: 'five bytes and silence', steps: [{ say: () => 'hello' }, { wait: 11, closed: true }] },

  // ---- What the original gets wrong ----
  { name: 'without a delimiter nothing is complete', safer: 'takes whatever one read holds for whole frames', steps: [
    { say: (time) => client('hello')(time).slice(0, -3) }, { wait: 11, closed: true }] },
  { name: 'another key in a later frame', safer: 'looks at the key of the first frame only', steps: [
    { say: client('first'), taken: ['first'] }, { say: client('second', 0.1, { key: 'wrong' }), closed: true }] },
  { name: "the server's own KEY in a later frame", safer: 'looks at the key of the first frame only', steps: [
    { say: client('first'), taken: ['first'] }, { say: server('second', 0.1), closed: true }] },
  { name: 'no KEY in a later frame', safer: 'looks at the key of the first frame only', steps: [
    { say: client('first'), taken: ['first'] },
    { say: (time) => `IOT:1.1\r\nDATE:1\r\nTIME:${time(0.1)}\r\nDEVICE:${ID}\r\nNOKEY:1\r\n\r\nthird|#|`, closed: true }] },
  { ...closed('a header twice', (time) => `${lines({ time: time() })}\r\nKEY:${KEY}\r\n\r\n\r\nhello|#|`), safer: 'counts it once' },
  { ...closed('a header twice in place of another', (time) => `IOT:1.1\r\nTIME:${time()}\r\nTIME:1\r\nDEVICE:${ID}\r\nKEY:${KEY}\r\n\r\nhello|#|`) },
  ...([['a sign', '+123456789'], ['a minus', '-123456789'], ['underscores', '123_456_78'], ['digits of another script', '١٢٣٤٥٦٧٨٩٠'], ['a blank', '123456789 ']] as const)
    .map(([what, device]) => ({ ...closed(`an identity with ${what}`, client('hello', 0, { device })), safer: 'lets its number parser decide: another number logs in' })),
  { name: 'the short form of an identity', safer: 'takes it for the same number', steps: [
    { say: client('hello', 0, { device: '0000000042' }), taken: ['hello'] }, { say: client('hello2', 0.1, { device: '42' }), closed: true }] },
  { name: 'one decimal and four are one stamp', steps: [
    { say: (time) => fromClient({ time: time().slice(0, -3) }, 'first'), taken: ['first'] }, { say: (time) => fromClient({ time: `${time().slice(0, -3)}000` }, 'again'), closed: true }] },
  closed('TIME with an exponent', (time) => fromClient({ time: `${time().slice(0, 1)}.${time().slice(1, 10)}e9` }, 'first')),
  { name: 'a stamp from ahead comes again after one from behind', safer: 'has emptied its list, and takes it', steps: [
    { say: (time) => fromClient({ time: time(2.5) }, 'first'), taken: ['first'] }, { say: client('second', -2.5), taken: ['second'] },
    { wait: 1, say: client('third'), taken: ['third'] }, { say: (time) => fromClient({ time: time(1.5) }, 'replayed'), closed: true }] },
  { name: 'a message every 2.9 s, for 16 minutes', safer: 'closes at the 334th', steps: [
    { wait: 2.9, say: client('message'), times: 334 }, { wait: 2.9, say: client('one more'), taken: ['one more'] }] },
  { name: '333 messages, a pause, and one more', safer: 'counts before it empties its list, and closes', steps: [
    { say: client('message'), times: 333 }, { wait: 3.2, say: client('after the pause'), taken: ['after the pause'] }] },
  { name: '334 messages at once', steps: [{ say: client('message'), times: 333 }, { say: client('one too many', 0.1), closed: true }] },
  { name: 'the delimiter inside a payload', steps: [{ say: client('hello|#|world'), taken: ['hello'], closed: true }] },
  { name: 'a line end behind the delimiter', safer: 'closes: it takes it for a frame', steps: [
    { say: (time) => `${client('hello')(time)}\r\n`, taken: ['hello'] }, { say: client('world', 0.1), taken: ['world'] }] },
  split('cut in the header', 'hello world', 30, 'closes'),
  split('cut in the payload', 'hello world', HEAD + 6, 'delivers the first half as a message, then closes'),
  split('cut in the payload after three characters', 'hello world', HEAD + 3, 'closes'),
  split('cut in the delimiter', 'hello world', HEAD + 12, 'delivers it with a stray |, then closes'),
  { name: 'a connection that says nothing', safer: 'keeps it for ever', steps: [{ wait: 11, closed: true }] },
  { name: '80,000 bytes in one frame', safer: 'delivers what one read held, then closes', long: true, steps: [{ say: client('é'.repeat(40_000)), closed: true }] },
];

function longHeader(time: string, characters: number): string {
  const other = lines({ time, date: '' }).length;
  return `${lines({ time, date: 'd'.repeat(characters - other) })}\r\n\r\nhello|#|`;
}

/** What a server says to the device. */
export const towardsDevice: readonly Conversation[] = [
  { name: 'a message, and one of five characters', steps: [{ say: server('hello client'), taken: ['hello client'] }, { say: server('abcde', 0.1), taken: ['abcde'] }] },
  closed('four characters', server('abcd')),
  closed('no payload', server('')),
  closed('white space and two characters', server('  ab  ')),
  closed('another version', server('hello world', 0, { iot: '2.0' })),
  closed('TIME 3.1 s late', server('hello world', -3.1)),
  closed('TIME 3.1 s early', server('hello world', 3.1)),
  taken('TIME 2.9 s late', 'hello world', server('hello world', -2.9)),
  { name: 'a TIME twice', steps: [{ say: server('hello world'), taken: ['hello world'] }, { say: server('hello again'), closed: true }] },
  taken("the client's layout", 'hello world', client('hello world')),
  { name: 'a lone delimiter is no message', safer: 'raises', steps: [{ say: () => '|#|' }, { say: server('hello world'), taken: ['hello world'] }] },
  closed('bytes that are no UTF-8', (time) => Buffer.concat([Buffer.from(server('hello')(time).slice(0, -3)), Buffer.from('fffe7c237c', 'hex')])),
  taken('60,000 characters', 'z'.repeat(60_000), server('z'.repeat(60_000))),
  taken('62,534 characters', 'z'.repeat(62_534), server('z'.repeat(62_534))),
  closed('62,535 characters', server('z'.repeat(62_535)), true),
  closed('a header part of more than 1,023 characters', server('hello world', 0, { key: 'k'.repeat(1_100) }), true),
  closed('six headers', (time) => server('hello world')(time).replace('KEY:', 'X:1\r\nKEY:')),
  { name: 'two frames in one write', safer: 'loses the second', steps: [
    { say: (time) => server('first one')(time) + server('second one', 0.1)(time), taken: ['first one', 'second one'] }] },
  { name: 'a frame in two writes', safer: 'raises twice', steps: [
    { say: (time) => server('hello world')(time).slice(0, 40) }, { say: (time) => server('hello world')(time).slice(40), taken: ['hello world'] }] },
  { name: 'a payload in two writes', safer: 'returns half of it, then raises', steps: [
    { say: (time) => server('hello world')(time).slice(0, -8) }, { say: (time) => server('hello world')(time).slice(-8), taken: ['hello world'] }] },
  { ...closed('a frame for another device', server('hello world', 0, { device: '999', key: 'whatever' })), safer: 'looks at neither DEVICE nor KEY' },
];
