/** The order of what goes up: windows, answers, losses; and filters of topics against the examples of the specification. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Connection } from '../../dist/host/bridge/connection.js';
import { openEnvelope, pack } from '../../dist/host/bridge/envelope.js';
import { Lane, LOSES, type Item } from '../../dist/host/bridge/lane.js';
import { Topics } from '../../dist/host/bridge/topics.js';
import { fits, isTopicFilter, isTopicName } from '../../dist/host/topic-filter.js';

interface Sent {
  text: string;
  answer(reason: number): void;
}

function fake(receiveMaximum = 65_535): { connection: Connection; sent: Sent[]; state: { isUp: boolean } } {
  const sent: Sent[] = [], state = { isUp: true };
  const connection = {
    get isUp() {
      return state.isUp;
    },
    receiveMaximum, fits: () => true,
    publish: (_: string, payload: string, __: object, waiting: { answered(reason: number): void }) => void sent.push({ text: payload, answer: (reason) => waiting.answered(reason) }),
  };
  return { connection: connection as unknown as Connection, sent, state };
}

function item(text: string | undefined, settled: string[], wanted = true): Item {
  return {
    identity: 'a', losses: 0, wanted,
    content: () => (text === undefined ? undefined : { topic: 't', payload: text, properties: undefined }),
    settle: (reason) => void settled.push(`${text ?? ''}:${reason}`),
  };
}

test('answers count in order, whatever order they come in', () => {
  const { connection, sent } = fake(), lane = new Lane(connection, 10), settled: string[] = [];
  for (const text of ['1', '2', '3']) lane.push(item(text, settled));
  sent[1]!.answer(0);
  sent[2]!.answer(0);
  assert.equal(settled, []);
  sent[0]!.answer(0x10);
  assert.equal(settled, ['1:16', '2:0', '3:0']);
});

test('after a loss all goes again from the oldest without an answer on, also what behind it had one', () => {
  const { connection, sent, state } = fake(), lane = new Lane(connection, 10), settled: string[] = [];
  for (const text of ['1', '2', '3']) lane.push(item(text, settled));
  sent[0]!.answer(0);
  sent[2]!.answer(0);
  state.isUp = false;
  lane.down();
  sent[1]!.answer(0); // of the lost connection: it says nothing any more
  state.isUp = true;
  lane.up();
  assert.equal(sent.map(({ text }) => text), ['1', '2', '3', '2', '3']);
  assert.equal(settled, ['1:0']);
});

test('the one at the head of two losses goes alone, and the third is its last', () => {
  const { connection, sent, state } = fake(), lane = new Lane(connection, 10), settled: string[] = [];
  for (const text of ['1', '2', '3']) lane.push(item(text, settled));
  const lose = (): void => {
    state.isUp = false;
    lane.down();
    state.isUp = true;
    sent.length = 0;
    lane.up();
  };
  lose();
  assert.equal(sent.map(({ text }) => text), ['1', '2', '3']);
  lose();
  assert.equal(sent.map(({ text }) => text), ['1']);
  lose();
  assert.equal(settled, [`1:${LOSES}`]);
  assert.equal(sent.map(({ text }) => text), ['2', '3']);
});

test('a hundred thousand that are settled at once need no deeper stack than one', () => {
  const { connection, state } = fake(), lane = new Lane(connection, 10), settled: string[] = [];
  state.isUp = false;
  for (let i = 0; i < 100_000; i++) lane.push(item(i % 2 === 0 ? undefined : 'x', settled, i % 2 === 0));
  state.isUp = true;
  lane.up();
  assert.is(settled.length, 100_000);
  assert.is(lane.size, 0);
});

test('filters: the examples of MQTT 5.0, section 4.7', () => {
  for (const [filter, name, does] of [
    ['sport/tennis/player1/#', 'sport/tennis/player1', true], ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true], ['sport/#', 'sport', true],
    ['sport/tennis/+', 'sport/tennis/player1', true], ['sport/tennis/+', 'sport/tennis/player1/ranking', false], ['sport/+', 'sport', false], ['sport/+', 'sport/', true],
    ['+/+', '/finance', true], ['/+', '/finance', true], ['+', '/finance', false], ['#', '$SYS/x', false], ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/x', true], ['tl/+/+/down/#', 'tl/-/pump-7/down', true], ['tl/+/+/down/#', 'tl/$gw/local/down/x', true], ['a/b', 'a/b', true], ['a/b', 'a/B', false],
  ] as const) assert.is(fits(filter, name), does, `${filter} ${name}`);
  for (const bad of ['', 'a#', 'a/#/b', 'a+/b', 'a\0b', 'x/'.repeat(100), '\ud800', 'a\x1b[2J', 'a\x7f', '\u009b/#', '\ufffe', '\u{1ffff}']) assert.is(isTopicFilter(bad), false, bad);
  for (const bad of ['', 'a/+', '#', 'a\0b', 'a\x1b', '\u0085', '\ufdd0', '\u{10fffe}']) assert.is(isTopicName(bad), false, bad);
});

test('topics: identities with and without a realm, there and back', () => {
  const topics = new Topics('tl', 'g1');
  for (const [identity, topic, sub] of [['pump-7', 'tl/-/pump-7', ''], ['plant/pump-7', 'tl/plant/pump-7', 'valve/1']] as const) {
    assert.is(topics.of(identity), topic);
    assert.equal(topics.parse(`${topic}/down${sub === '' ? '' : `/${sub}`}`), { identity, sub });
  }
  assert.equal(topics.parse('tl/$gw/g1/down/abc'), { marker: 'abc' });
  for (const bad of ['tl/-//down', 'tl//x/down', 'tl/$gw/g2/down/x', `tl/-/${'x'.repeat(70)}/down`]) assert.ok('problem' in topics.parse(bad)!, bad);
  for (const other of ['tl/-/a/up/x', 'tl/-/a/result', 'news/a/b/down', 'tl', 'tl/-/a']) assert.is(topics.parse(other), undefined, other);
  assert.equal(['tl/-/a/result', 'tl/r/a/status', 'tl/$gw/g1/status', 'tl/-/a/up/result', 'tl/-/a/down/status', 'x/-/a/result'].map((topic) => topics.isNews(topic)), [true, true, true, false, false, false]);
});

test('envelopes: what is packed opens again, and nothing else is taken for one', () => {
  for (const body of [Buffer.from('21.5 °C'), Buffer.from([0xff, 0]), Buffer.alloc(0)]) {
    const { payload } = pack(body, { 'tl-id': 'x-1', 'tl-time': '5' }, true);
    const opened = openEnvelope(Buffer.from(payload as string))!;
    assert.equal(opened.body, body);
    assert.equal(opened.note, { id: 'x-1', time: 5 });
  }
  for (const text of ['{"text":"on"}', '{"tl-id":"1"}', '{"tl-id":"1","text":"x","base64":"eA=="}', '{"tl-id":"1","text":"x","more":1}', '{"tl-id":', '["tl-id"]', 'x', '', '{"tl-id":"1","text":5}', '{"tl-id":"1","base64":"eA="}', '{"tl-id":"1","base64":"*"}']) {
    assert.is(openEnvelope(Buffer.from(text)), undefined, text);
  }
});

test.run();
