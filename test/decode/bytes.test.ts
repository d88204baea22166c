/** Loose bytes: hexadecimal text of every kind, binary, streams and datagrams, with keys and without. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TYPE, WANTED, writeLed } from '../reference/bodies.js';
import { writeDeliver, writeRoute } from '../reference/topics.js';
import { ascii, unhex } from '../reference/bytes.js';
import { brief, datagrams, frame, frames, items, keyOf, notes, ofInput, sealedStream, session, streams, WHOLE } from './support.js';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

for (const v of streams) {
  const bytes = Buffer.concat(session(v).map((each) => each.bytes));
  test(`${v.name}: with the key, which way each frame went too`, () => {
    for (const piece of [1, 65_536]) {
      const all = ofInput(keyOf(v), bytes, piece);
      assert.is(brief(all), WHOLE);
      assert.equal(frames(all).map(({ direction }) => direction), session(v).map(({ up }) => (up ? 'to gateway' : 'to device')));
      const data = frames(all)[5]!;
      assert.is(String(data.body), 'valve is open');
      assert.equal([data.id, data.age, data.time, data.counter, data.session, data.identity], [1, 2_000, 100, 1, v.challenge.session, v.hello.identity]);
      assert.is(data.unix, Number(v.challenge.time) + 100);
    }
  });

  test(`${v.name}: without a key what is clear, lengths of tags by the suite`, () => {
    const all = ofInput({}, bytes);
    assert.is(brief(all), WHOLE.replace(/(\w)( |$)/g, '$1?$2').replace('HELLO??', 'HELLO?'));
    assert.equal(frames(all).map(({ total }) => total), session(v).map((each) => each.bytes.length));
    const data = frames(all)[4]!;
    assert.is(data.bytes, 4);
    assert.equal([data.time, data.timeBits], [100, 24]);
    if (v.suite === 'sealed') assert.is(data.body, undefined);
    else assert.is(String(data.body), '21.5');
    assert.match(data.why, /no key for .* was given/);
  });

  test(`${v.name}: a wrong key`, () => {
    const all = ofInput({ keys: () => [new Uint8Array(32).fill(9)] }, bytes);
    assert.is(frames(all)[1]!.verdict, 'refused');
    assert.match(frames(all)[1]!.why, /^bad proof/);
    assert.match(frames(all)[4]!.why, /is not this session's/);
  });
}

for (const v of datagrams) {
  test(`${v.name}: datagrams, a line each`, () => {
    const text = session(v).map((each) => hexOf(each.bytes)).join('\n');
    const all = items({ ...keyOf(v), datagram: true }, (decoder) => decoder.hex(text));
    assert.is(brief(all), WHOLE);
    assert.is(brief(items({ datagram: true }, (decoder) => decoder.hex(text))).replaceAll('?', ''), WHOLE.replaceAll('?', ''));
    // PROOF brings all that is needed.
    const late = session(v).slice(2).map((each) => hexOf(each.bytes)).join('\n');
    assert.is(brief(items({ ...keyOf(v), datagram: true }, (decoder) => decoder.hex(late))), WHOLE.replace('HELLO? CHALLENGE ', ''));
  });
}

test('a part of a message says which, of how many', () => {
  const v = datagrams[0]!;
  const part = frame(v, true, 0, 19 | WANTED, writeLed(4, 0, Uint8Array.of(8, 3, 0, 10, 1, ...ascii('ve o'))));
  const lines = [...session(v).slice(0, 4).map((each) => each.bytes), part].map(hexOf);
  const last = frames(items({ ...keyOf(v), datagram: true }, (decoder) => decoder.hex(lines.join('\n')))).at(-1)!;
  assert.equal([last.type, last.verdict, last.id, last.fields], ['FRAGMENT', 'holds', 4, { of: 'DATA', part: 2, parts: 3, length: 10, bytes: 4 }]);
});

test('topics: the name, what belongs to it, and the body behind it; nothing of a head that may not be', () => {
  const sent = [
    frame(sealedStream, true, 0, TYPE.ROUTE, writeRoute(60, 'temp/inlet', ascii('21.5'))),
    frame(sealedStream, true, 1, TYPE.ROUTE | WANTED, writeLed(1, 0, writeRoute(0, 'a/#', ascii('x')))),
    frame(sealedStream, true, 2, TYPE.ROUTE, writeRoute(0, '#', ascii('x'))),
    frame(sealedStream, false, 1, TYPE.DELIVER | WANTED, writeLed(1, 0, writeDeliver('valve/set', 2, Uint8Array.of(0xff)))),
    frame(sealedStream, false, 2, TYPE.ROUTE, writeRoute(0, 'a', ascii('x'))),
  ];
  const all = ofInput(keyOf(sealedStream), Buffer.concat([...session(sealedStream).slice(0, 4).map((each) => each.bytes), ...sent]));
  assert.is(brief(all), 'HELLO? CHALLENGE PROOF READY ROUTE ROUTE ROUTE! DELIVER ROUTE!');
  assert.equal(frames(all).slice(4).map(({ fields }) => fields), [
    { topic: 'temp/inlet', lifetime: 60, bytes: 4, text: '21.5' }, {}, {}, { topic: 'valve/set', trust: 'proved', bytes: 1 }, { topic: 'a', lifetime: 0, bytes: 1, text: 'x' },
  ]);
  assert.equal(frames(all).slice(4).map(({ why }) => why.replace(/:.*/, '')), ['', '', 'malformed', '', 'unknown type']);
});

test('two devices at once on datagrams', () => {
  const [a, b] = [datagrams[0]!, datagrams.find(({ challenge }) => challenge.session !== datagrams[0]!.challenge.session)];
  if (b === undefined) return; // the vectors share one number
  const lines = session(a).flatMap((each, i) => [hexOf(each.bytes), hexOf(session(b)[i]!.bytes)]);
  const keys = (identity: string) => [a, b].filter((v) => v.hello.identity === identity).map((v) => unhex(v.deviceKey));
  assert.not.match(brief(items({ keys, datagram: true }, (decoder) => decoder.hex(lines.join('\n')))), /!/);
});

test('hexadecimal text: spaces, colons, 0x, comments, directions, xxd and hexdump -C', () => {
  const all = session(sealedStream);
  const spaced = all.map(({ up, bytes }) => `${up ? '>' : '<'} ${hexOf(bytes).replace(/../g, '$& ')}`).join('\n');
  const colons = all.map(({ bytes }) => `0x${hexOf(bytes).replace(/..(?!$)/g, '$&:')}`).join('\n\n# what came then\n');
  const bytes = Buffer.concat(all.map((each) => each.bytes));
  const rows = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => bytes.subarray(i * 16, i * 16 + 16));
  const printable = (row: Buffer): string => row.toString('latin1').replace(/[^ -~]/g, '.');
  const xxd = rows.map((row, i) => `${(i * 16).toString(16).padStart(8, '0')}: ${hexOf(row).replace(/.{4}(?!$)/g, '$& ').padEnd(39)}  ${printable(row)}`).join('\n');
  const pairs = (row: Buffer): string => hexOf(row).replace(/..(?!$)/g, '$& ');
  const hexdump = `${rows.map((row, i) => `${(i * 16).toString(16).padStart(8, '0')}  ${pairs(row.subarray(0, 8)).padEnd(23)}  ${pairs(row.subarray(8)).padEnd(23)}  |${printable(row)}|`).join('\n')}\n${bytes.length.toString(16).padStart(8, '0')}\n`;
  for (const [name, text] of Object.entries({ spaced, colons, xxd, hexdump, plain: hexOf(bytes) })) {
    assert.is(brief(ofInput(keyOf(sealedStream), Buffer.from(text))), WHOLE, name);
  }
});

test('text that is no hexadecimal: the line, the column, and the lines around it', () => {
  const all = items({}, (decoder) => decoder.hex(`${hexOf(session(sealedStream)[0]!.bytes)}\n81 2x\n812\n`));
  assert.is(brief(all), '[fault] [fault] HELLO?');
  assert.match(notes(all)[0]!.text, /line 2, column 5: "x" is no hexadecimal digit/);
  assert.match(notes(all)[1]!.text, /line 3, column 3: 3 digits are no whole number of bytes/);
});

test('rubbish between frames is skipped, with its place', () => {
  const said = session(sealedStream);
  const bytes = Buffer.concat([...said.slice(0, 5).map((each) => each.bytes), Buffer.from('rubbish'), ...said.slice(5).map((each) => each.bytes)]);
  const all = ofInput(keyOf(sealedStream), bytes);
  assert.is(brief(all), WHOLE.replace('READY DATA', 'READY DATA [fault]'));
  assert.is(notes(all)[0]!.offset, said.slice(0, 5).reduce((sum, each) => sum + each.bytes.length, 0));
});

test('the beginning of a long frame that never ends does not swallow the frames behind it', () => {
  const said = session(sealedStream);
  const bytes = Buffer.concat([...said.slice(0, 4).map((each) => each.bytes), Buffer.from([0x88, 0xff, 0x7f, 0, 0, 1]), ...said.slice(4).map((each) => each.bytes)]);
  assert.is(brief(ofInput(keyOf(sealedStream), bytes)), WHOLE.replace('READY', 'READY [fault]'));
});

test('tags of 8 bytes are seen where no handshake was', () => {
  const v = streams.find(({ suite }) => suite === 'signed-8')!;
  const bytes = Buffer.concat([0, 1, 2, 3].map((counter) => frame(v, true, counter, TYPE.DATA, ascii('hello there'))));
  const all = ofInput({}, bytes);
  assert.is(brief(all), 'DATA? DATA? DATA? DATA?');
  assert.equal(frames(all).map(({ bytes }) => bytes), [11, 11, 11, 11]);
});

test('a reflected frame, and one of another session', () => {
  const said = session(sealedStream).slice(0, 4).map((each) => each.bytes);
  const own = frame(sealedStream, true, 0, TYPE.DATA, ascii('21.5'));
  const text = [...said.map(hexOf), `< ${hexOf(own)}`].join('\n');
  const all = items(keyOf(sealedStream), (decoder) => decoder.hex(text));
  assert.is(frames(all).at(-1)!.verdict, 'refused');
  assert.match(frames(all).at(-1)!.why, /direction/);
});

test('nothing at all', () => {
  assert.equal(ofInput({}, Buffer.alloc(0)), []);
  assert.equal(items({ datagram: true }, (decoder) => decoder.hex('')), []);
});

test.run();
