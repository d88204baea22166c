/** `queue`, `watch`, and topics in the shell. */
import { EventEmitter } from 'node:events';
import { encode } from 'cborg';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { watchPassing } from '../../dist/host/cli/control/watch.js';
import { inPlace, jsonLines, type Place } from './harness.js';

const test = suite('queue and watch');

const device = (id: string, url: string, ...more: string[]): string[] => ['device', '--json', '--id', id, '--key-file', `${id}.key`, ...more, url];

async function withDevices(place: Place, ...ids: string[]): Promise<void> {
  for (const id of ids) assert.is((await place.run(['devices', 'add', id, '--key-file', `${id.replace('/', '-')}.key`])).code, 0);
}

test('topics: of all lines, of each line, in what is printed, down to the device', () =>
  inPlace(async (place) => {
    const { gateway, url } = await place.serve();
    await withDevices(place, 'pump-7');
    assert.is((await place.run(device('pump-7', url, '--topic', 'temp/inlet'), { input: '21.5\n' })).code, 0);
    assert.match(await gateway.line('stdout', /21\.5/), /^pump-7\t[^\t]+\t21\.5\ttemp\/inlet$/);
    const mixed = await place.run(device('pump-7', url, '--topics'), { input: 'temp/outlet\t30 °C\nno tab\na/#\tx\nb\t\n' });
    assert.is(mixed.code, 3);
    assert.equal(jsonLines(mixed.stderr).filter(({ line }) => line !== undefined).map(({ line, error }) => [line, (error as { code: string }).code]), [[2, 'BAD_TOPIC'], [3, 'BAD_TOPIC']]);
    await gateway.line('stdout', /\t30 °C\ttemp\/outlet$/);
    await gateway.line('stdout', /\t\tb$/);
    const bad = await place.run(device('pump-7', url, '--topic', 'a/#'), { input: 'x\n' });
    assert.is(bad.code, 1);
    assert.match(bad.stderr, /BAD_TOPIC/);
    const running = place.start(device('pump-7', url, '--listen'));
    await running.line('stderr', /"state":"online"/);
    assert.is((await place.run(['send', 'pump-7', 'open', '--topic', 'valve/set', '--wait'])).code, 0);
    assert.equal(jsonLines(running.stdout).map(({ topic, text }) => [topic, text]), [['valve/set', 'open']]);
    assert.match((await place.run(['send', 'pump-7', 'open', '--topic', '#'])).stderr, /BAD_TOPIC/);
  }));

test('queue list and cancel, with a gateway and without one', () =>
  inPlace(async (place) => {
    await withDevices(place, 'pump-7', 'pump-8');
    for (const running of [false, true]) {
      if (running) await place.serve();
      for (const words of [['pump-7', 'one', '--topic', 'valve/set'], ['pump-7', 'two'], ['pump-8', 'three']]) await place.run(['send', ...words]);
      const all = jsonLines((await place.run(['queue', 'list', '--json'])).stdout);
      assert.equal(all.map(({ identity, bytes, topic, sent }) => [identity, bytes, topic, sent]), [['pump-7', 3, 'valve/set', false], ['pump-7', 3, undefined, false], ['pump-8', 5, undefined, false]]);
      const listed = await place.run(['queue', 'list', 'pump-7']);
      assert.match(listed.stdout, /^MESSAGE +STATE +BYTES +QUEUED +ENDS +TOPIC\npump-7#[0-9a-f]{8}-\d+ +waits +3 .* in .* valve\/set\n.* -\n$/);
      const name = String(all[0]!['message']);
      const other = await place.run(['queue', 'cancel', 'pump-8', name]);
      assert.is(other.code, 1);
      assert.match(other.stderr, /INPUT_INVALID: pump-7#.* is not the name of a message for pump-8/);
      const one = await place.run(['queue', 'cancel', 'pump-7', name]);
      assert.equal([one.code, one.stdout], [0, 'cancelled 1 message for pump-7\n']);
      const again = await place.run(['queue', 'cancel', 'pump-7', name, '--json']);
      assert.equal([again.code, jsonLines(again.stdout)], [1, [{ cancelled: 0, sent: 0, unknown: 1 }]]);
      assert.is((await place.run(['queue', 'cancel', 'pump-7'])).stdout, 'cancelled 1 message for pump-7\n');
      assert.is((await place.run(['queue', 'cancel', 'pump-8'])).code, 0);
      for (const words of [['list', 'pump-9'], ['cancel', 'pump-9']]) {
        const unknown = await place.run(['queue', ...words]);
        assert.is(unknown.code, 1, words.join(' '));
        assert.match(unknown.stderr, /DEVICE_UNKNOWN: there is no device pump-9/);
      }
      const none = await place.run(['queue', 'list']);
      assert.equal([none.code, none.stdout], [0, '']);
      assert.match(none.stderr, /nothing waits/);
    }
  }));

test('watch shows what passes both ways, of the pattern alone, each kind as what it is', () =>
  inPlace(async (place) => {
    const missing = await place.run(['watch']);
    assert.is(missing.code, 1);
    assert.match(missing.stderr, /GATEWAY_NOT_RUNNING/);
    const { gateway, url } = await place.serve();
    await withDevices(place, 'pump-7', 'pump-8');
    assert.match((await place.run(['watch', 'a#'])).stderr, /BAD_OPTION/);
    const all = place.start(['watch', '--json']), some = place.start(['watch', 'pump-7/#']);
    for (const running of [all, some]) await running.line('stderr', /watching/);
    const listening = place.start(device('pump-7', url, '--listen'));
    await listening.line('stderr', /"state":"online"/);
    await place.run(['send', 'pump-7', 'open', '--topic', 'valve/set', '--wait']);
    await place.run(['send', 'pump-7', '-', '--wait'], { input: Buffer.from(encode({ v: 1 })) });
    listening.signal('SIGTERM');
    await listening.ended();
    await place.run(device('pump-8', url), { input: 'of another\n' });
    await place.run(device('pump-7', url, '--topic', 'temp/inlet'), { input: '{"t": 21.5}\n' });
    await some.line('stdout', /21\.5/);
    assert.equal(some.stdout.split('\n').filter(Boolean).map((line) => line.split('\t').slice(1)), [
      ['↓', 'pump-7', 'valve/set', 'text', 'open'], ['↓', 'pump-7', '-', 'cbor', '{"v": 1}'], ['↑', 'pump-7', 'temp/inlet', 'json', '{"t":21.5}'],
    ]);
    await all.line('stdout', /21\.5/);
    assert.equal(jsonLines(all.stdout).map(({ direction, device: of, topic, kind, text, cbor }) => [direction, of, topic, kind, cbor ?? text]), [
      ['down', 'pump-7', 'valve/set', 'text', 'open'], ['down', 'pump-7', undefined, 'cbor', '{"v": 1}'], ['up', 'pump-8', undefined, 'text', 'of another'],
      ['up', 'pump-7', 'temp/inlet', 'json', '{"t": 21.5}'],
    ]);
    some.signal('SIGINT');
    assert.is((await some.ended()).code, 0);
    gateway.signal('SIGTERM');
    assert.is((await gateway.ended()).code, 0, 'a watcher holds up no end');
    assert.is((await all.ended()).code, 1);
  }));

test('a watcher that does not read costs the gateway a bound, and hears how much it missed', async () => {
  const gateway = new EventEmitter(), gone = new AbortController();
  const events: { dropped?: number }[] = [];
  let read!: () => void;
  const held = new Promise<void>((resolve) => (read = resolve));
  const call = { signal: gone.signal, event: async (name: string, data: object) => { events.push(data); if (name === 'message') await held; } };
  const over = watchPassing(gateway as never, 'pump-7/#', call);
  await new Promise(setImmediate);
  const passing = (device: string, bytes: number): boolean => gateway.emit('passing', { direction: 'up', device, id: '', body: Buffer.alloc(bytes), time: 0, topic: 'a', repeat: false, trust: 'proved' });
  passing('pump-7', 1);
  await new Promise(setImmediate);
  for (let i = 0; i < 1_000; i++) passing('pump-7', 1);
  for (let i = 0; i < 1_000; i++) passing('pump-8', 1);
  read();
  await new Promise(setImmediate);
  assert.is(events.length - 1, 257, 'the one in hand and those that may wait');
  passing('pump-7', 1);
  await new Promise(setImmediate);
  assert.is(events.at(-1)!.dropped, 1_001 - 257, 'each was shown or counted');
  for (let i = 0; i < 200; i++) passing('pump-7', 16_000);
  await new Promise(setImmediate);
  passing('pump-7', 1);
  await new Promise(setImmediate);
  assert.is(events.at(-1)!.dropped, 200 - Math.floor(1_048_576 / 16_000), 'bytes are bounded too');
  gone.abort();
  await over;
  assert.is(gateway.listenerCount('passing'), 0);
});

test.run();
