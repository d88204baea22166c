/** `lookup`: asked at HELLO, bounded in number and time, its answers kept for a while. */
import * as assert from 'uvu/assert';
import type { Lookup, Refusal } from 'tidelock/gateway';
import { closeAll, KEY, listen, makeDevice, Relay, test, TestClock, turns, until } from './support.js';

const never = (): Promise<never> => new Promise(() => undefined);

test('a lookup may answer at once or by promise', async () => {
  for (const lookup of [() => KEY, async () => { await turns(3); return KEY; }] satisfies Lookup[]) {
    const asked: [string, number][] = [];
    const gateway = await listen({ lookup: (...args) => (asked.push(args), (lookup as Lookup)(...args)) });
    const device = makeDevice(gateway, { id: 'realm/pump-7', keyId: 9 });
    await device.online();
    assert.equal(asked, [['realm/pump-7', 9]]);
    await closeAll(device, gateway);
  }
});

test('data that came right behind the proof waits for the lookup and is not lost', async () => {
  let answer!: (key: Uint8Array) => void;
  const gateway = await listen({ lookup: () => new Promise<Uint8Array>((resolve) => (answer = resolve)) });
  const seen: string[] = [];
  gateway.on('message', (message) => void seen.push(message.text()));
  const device = makeDevice(gateway);
  const sending = device.send('x');
  await until('asked', () => answer !== undefined);
  await turns(10);
  answer(KEY);
  await sending.acknowledged;
  assert.equal(seen, ['x']);
  await closeAll(device, gateway);
});

test('answers are kept 60 s, refusals too, and refresh drops them', async () => {
  const clock = new TestClock();
  let asked = 0;
  let key: Uint8Array | undefined = KEY;
  const gateway = await listen({ clock, lookup: () => (asked++, key) });
  const connect = async (): Promise<boolean> => {
    const device = makeDevice(gateway, { clock });
    await until('an end', () => device.state.name === 'online' || device.state.name === 'waiting');
    const online = device.state.name === 'online';
    await closeAll(device);
    return online;
  };
  assert.equal([await connect(), await connect(), asked], [true, true, 1]);
  await clock.advance(59_000);
  assert.equal([await connect(), asked], [true, 1]);
  await clock.advance(2_000);
  assert.equal([await connect(), asked], [true, 2]);
  key = undefined;
  await gateway.refresh('pump-7');
  assert.equal([await connect(), await connect()], [false, false]);
  assert.is(asked, 3);
  key = KEY;
  assert.is(await connect(), false);
  await gateway.refresh();
  assert.is(await connect(), true);
  await closeAll(gateway);
});

test('refresh closes a session whose key has gone, and no other', async () => {
  const keys = new Map([['a', KEY], ['b', KEY]]);
  const gateway = await listen({ lookup: (identity) => keys.get(identity) });
  const a = makeDevice(gateway, { id: 'a' }), b = makeDevice(gateway, { id: 'b' });
  await Promise.all([a.online(), b.online()]);
  await until('both', () => gateway.counters().online === 2);
  keys.delete('a');
  await gateway.refresh();
  await until('a is gone', () => a.state.name === 'waiting');
  assert.is((a.state as unknown as { error: { code: string } }).error.code, 'DISABLED');
  assert.is(b.state.name, 'online');
  await closeAll(a, b, gateway);
});

test('refresh asks about every session, also where more are online than may be asked at once', async () => {
  const ids = Array.from({ length: 7 }, (_, i) => `d${i}`), keys = new Map(ids.map((id) => [id, KEY]));
  let running = 0, most = 0;
  const gateway = await listen({
    limits: { lookups: 2 },
    lookup: async (identity) => {
      most = Math.max(most, ++running);
      await turns(3);
      running -= 1;
      return keys.get(identity);
    },
  });
  const devices = [];
  for (const id of ids) {
    const device = makeDevice(gateway, { id, clock: new TestClock() }); // it does not come back by itself
    await device.online();
    devices.push(device);
  }
  await until('all', () => gateway.counters().online === ids.length);
  keys.clear();
  keys.set('d3', KEY);
  await gateway.refresh();
  await until('all but one are gone', () => gateway.counters().online === 1);
  assert.equal([...gateway.devices()].map(({ id }) => id), ['d3']);
  assert.is(most, 2);
  await closeAll(...devices, gateway);
});

test('refresh that fails for one session still closes the others, and says so', async () => {
  const keys = new Map([['a', KEY], ['b', KEY], ['c', KEY]]);
  let fails = false;
  const gateway = await listen({ lookup: (identity) => {
    if (fails && identity === 'a') throw new Error('database down');
    return keys.get(identity);
  } });
  const devices = ['a', 'b', 'c'].map((id) => makeDevice(gateway, { id, clock: new TestClock() }));
  await Promise.all(devices.map((device) => device.online()));
  await until('all', () => gateway.counters().online === 3);
  fails = true;
  keys.delete('c');
  let error: Error | undefined;
  await gateway.refresh().catch((failure: Error) => (error = failure));
  assert.match(error?.message ?? '', /database down/);
  await until('c is gone', () => gateway.counters().online === 2);
  await closeAll(...devices, gateway);
});

test('refresh ends a handshake that was begun with the key that has gone', async () => {
  let key: Uint8Array | undefined = KEY;
  const gateway = await listen({ lookup: () => key });
  const relay = await Relay.to(() => gateway.address);
  const refusals: Refusal[] = [];
  gateway.on('refused', (refusal) => refusals.push(refusal));
  relay.filterToDevice = () => undefined; // CHALLENGE is under way, under the old key
  const device = makeDevice(relay.url, { clock: new TestClock() });
  await until('challenged', () => relay.toDevice.length > 0);
  key = undefined;
  await gateway.refresh('other');
  assert.is(gateway.counters().open, 1);
  await gateway.refresh('pump-7');
  await until('ended', () => gateway.counters().open === 0);
  assert.equal(refusals.map(({ reason }) => reason), ['keys refreshed']);
  await closeAll(device, gateway, relay);
});

test('refresh ends a handshake that waits for an answer of before', async () => {
  const answers: ((key: Uint8Array) => void)[] = [];
  const gateway = await listen({ lookup: () => new Promise((resolve) => answers.push(resolve)) });
  const device = makeDevice(gateway, { clock: new TestClock() });
  await until('asked', () => answers.length === 1);
  await gateway.refresh();
  answers[0]!(KEY);
  await until('ended', () => gateway.counters().open === 0);
  assert.is(gateway.counters().sessions, 0);
  await closeAll(device, gateway);
});

test('at most so many at once; one more is turned away, and gets in later', async () => {
  const answers: ((key: Uint8Array) => void)[] = [];
  const gateway = await listen({ limits: { lookups: 2 }, lookup: () => new Promise((resolve) => answers.push(resolve)) });
  const refusals: Refusal[] = [];
  gateway.on('refused', (refusal) => refusals.push(refusal));
  const clock = new TestClock();
  const a = makeDevice(gateway, { id: 'a' }), b = makeDevice(gateway, { id: 'b' });
  await until('two asked', () => answers.length === 2);
  const c = makeDevice(gateway, { id: 'c', clock });
  await until('c is turned away', () => c.state.name === 'waiting');
  assert.equal(refusals.map(({ reason }) => reason), ['too many lookups']);
  for (const answer of answers.splice(0)) answer(KEY);
  await Promise.all([a.online(), b.online()]);
  await clock.advance(1_000);
  await until('asked again', () => answers.length === 1);
  answers[0]!(KEY);
  await c.online();
  await closeAll(a, b, c, gateway);
});

test('two that ask for the same identity at once are one lookup', async () => {
  let asked = 0;
  let answer!: (key: Uint8Array) => void;
  const promise = new Promise<Uint8Array>((resolve) => (answer = resolve));
  const gateway = await listen({ limits: { lookups: 1 }, lookup: () => (asked++, promise) });
  const a = makeDevice(gateway), b = makeDevice(gateway);
  await until('both connected', () => gateway.counters().open === 2);
  await turns(10);
  answer(KEY);
  await until('one of them online', () => gateway.counters().sessions === 2);
  assert.is(asked, 1);
  await closeAll(a, b, gateway);
});

for (const [what, lookup, code, message] of [
  ['that throws', () => { throw new Error('database down'); }, 'LOOKUP_FAILED', /database down/],
  ['that rejects', () => Promise.reject(new Error('database down')), 'LOOKUP_FAILED', /database down/],
  ['that answers with a short key', () => Buffer.alloc(31), 'BAD_KEY', /31 bytes/],
  ['that answers with a text', () => 'secret' as never, 'BAD_KEY', /no Uint8Array/],
] as [string, Lookup, string, RegExp][]) {
  test(`a lookup ${what} is an error event, and the device is turned away`, async () => {
    const gateway = await listen({ lookup });
    const errors: (Error & { code?: string })[] = [];
    gateway.on('error', (error) => errors.push(error));
    const device = makeDevice(gateway);
    await until('turned away', () => device.state.name === 'waiting' && errors.length > 0);
    assert.is(errors[0]!.code, code);
    assert.match(errors[0]!.message, message);
    assert.is(gateway.counters().halfOpen, 0);
    await closeAll(device, gateway);
  });
}

test('a stranger whose lookup fails cannot end a gateway that listens to no error: it warns, a few times', async () => {
  const gateway = await listen({ lookup: () => Promise.reject(new Error('database down')) });
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  for (let i = 0; i < 30; i++) {
    const device = makeDevice(gateway, { id: `d${i}`, clock: new TestClock() });
    await until('turned away', () => device.state.name === 'waiting');
    await closeAll(device);
  }
  await turns(5);
  process.off('warning', onWarning);
  assert.is(warnings.length, 10);
  assert.match(warnings[0]!.message, /lookup.*d0.*database down/);
  await closeAll(gateway);
});

test('a lookup that does not answer in 2 s is given up', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock, lookup: never });
  const errors: (Error & { code?: string })[] = [];
  gateway.on('error', (error) => errors.push(error));
  const device = makeDevice(gateway);
  await until('asked', () => gateway.counters().lookups === 1);
  await clock.advance(1_900);
  assert.is(errors.length, 0);
  await clock.advance(200);
  await until('given up', () => errors.length === 1);
  assert.match(errors[0]!.message, /2000 ms/);
  await closeAll(device, gateway);
});

test('a device that goes away during its lookup leaves nothing behind', async () => {
  let answer!: (key: Uint8Array) => void;
  const gateway = await listen({ lookup: () => new Promise((resolve) => (answer = resolve)) });
  const device = makeDevice(gateway);
  await until('asked', () => answer !== undefined);
  await closeAll(device);
  answer(KEY);
  await until('gone', () => gateway.counters().open === 0);
  assert.is(gateway.counters().sessions, 0);
  await closeAll(gateway);
});

test('answers kept are bounded', async () => {
  let asked = 0;
  const clock = new TestClock();
  const gateway = await listen({ clock, limits: { lookupEntries: 4 }, lookup: () => (asked++, KEY) });
  const connect = async (id: string): Promise<void> => {
    const device = makeDevice(gateway, { id });
    await device.online();
    await closeAll(device);
  };
  for (let i = 0; i < 5; i++) await connect(`d${i}`);
  await connect('d4');
  assert.is(asked, 5);
  await connect('d0');
  assert.is(asked, 6);
  await closeAll(gateway);
});

test.run();
