/** How an application takes what comes: listeners, loops, `done`, and the record that outlives the RAM. */
import { spawn } from 'node:child_process';
import * as assert from 'uvu/assert';
import type { DeviceMessage, DeviceRecord } from 'tidelock/device';
import { advanceUntil, closeAll, codeOf, KEY, listen, makeDevice, pair, test, TestClock, turns, until } from '../gateway/support.js';

test('a loop: a message is handled when the next one is asked for', async () => {
  const { gateway, device } = await pair();
  const ends: string[] = [], seen: string[] = [], delivered: string[] = [];
  const loop = (async () => {
    for await (const message of device) {
      seen.push(message.text());
      ends.push(`${message.text()}:${delivered.join()}`);
      await turns(10);
    }
  })();
  const sendings = ['a', 'b', 'c'].map((body) => {
    const sending = gateway.send('pump-7', body);
    sending.acknowledged.then(() => delivered.push(body), () => undefined);
    return sending;
  });
  await Promise.all(sendings.map(({ acknowledged }) => acknowledged));
  assert.equal(seen, ['a', 'b', 'c']);
  assert.is(ends[0], 'a:'); // nothing was acknowledged while it was in hand
  await closeAll(device);
  await loop;
  await closeAll(gateway);
});

test('a loop gets messages without acknowledgement too; the oldest go when it does not fetch them', async () => {
  const { gateway, device } = await pair();
  const loop = device[Symbol.asyncIterator]();
  for (let i = 0; i < 1_500; i++) gateway.post('pump-7', `${i}`);
  await until('all came', () => device.counters().received === 1_500);
  assert.is(device.counters().dropped, 500);
  assert.is((await loop.next()).value?.text(), '500');
  await loop.return!();
  await closeAll(device, gateway);
});

test('a loop that is left has not handled the one in hand: it comes again, unless done() was called', async () => {
  for (const done of [false, true]) {
    const clock = new TestClock();
    const { gateway, device } = await pair({ clock }, { clock });
    const sending = gateway.send('pump-7', 'x');
    for await (const message of device) {
      if (done) message.done();
      break;
    }
    if (!done) {
      let again: DeviceMessage | undefined;
      device.on('message', (message) => void (again = message));
      await advanceUntil(clock, 'it comes again', () => again !== undefined);
    }
    assert.is(await codeOf(sending.acknowledged), 'fulfilled');
    await closeAll(device, gateway);
  }
});

test('done() answers before the handler has ended', async () => {
  const { gateway, device } = await pair();
  let fulfil!: () => void;
  device.on('message', async (message) => {
    await turns(2);
    message.done();
    await new Promise<void>((resolve) => (fulfil = resolve));
  });
  await gateway.send('pump-7', 'x').acknowledged;
  fulfil();
  await closeAll(device, gateway);
});

test('an error after done() is an error event, not a refusal', async () => {
  const { gateway, device } = await pair();
  const errors: Error[] = [];
  device.on('error', (error) => errors.push(error));
  device.on('message', async (message) => {
    message.done();
    await turns(5);
    throw new Error('too late');
  });
  await gateway.send('pump-7', 'x').acknowledged;
  await until('the error', () => errors.length === 1);
  assert.is((errors[0] as { code?: string }).code, 'HANDLER_FAILED');
  await closeAll(device, gateway);
});

test('listeners and loops all have their say: one that throws refuses', async () => {
  const { gateway, device } = await pair();
  device.on('error', () => undefined);
  let heard = 0;
  device.on('message', () => void heard++);
  device.once('message', () => Promise.reject(new Error('no')));
  const sendings = ['a', 'b'].map((body) => gateway.send('pump-7', body));
  assert.equal(await Promise.all(sendings.map(({ acknowledged }) => codeOf(acknowledged))), ['REFUSED', 'fulfilled']);
  assert.is(heard, 2);
  await closeAll(device, gateway);
});

test('the message tells its number, time and whether it may have been acted on before', async () => {
  const { gateway, device } = await pair();
  const messages: DeviceMessage[] = [];
  device.on('message', (message) => void messages.push(message));
  await gateway.send('pump-7', 'wanted').acknowledged;
  gateway.post('pump-7', 'posted');
  await until('both', () => messages.length === 2);
  assert.equal(messages.map(({ id, repeat }) => [id, repeat]), [[2, false], [0, false]]);
  for (const { time } of messages) assert.ok(Math.abs(time - Date.now()) < 60_000);
  await closeAll(device, gateway);
});

test('the record is stored after the handler by default, before it where at most once is wanted', async () => {
  for (const when of ['after', 'before'] as const) {
    const gateway = await listen();
    const steps: string[] = [];
    let stored: DeviceRecord | undefined;
    const record = {
      when,
      load: () => Promise.resolve(stored),
      store: async (next: DeviceRecord) => {
        await turns(2);
        stored = next;
        steps.push(`stored ${next.last}`);
      },
    };
    const device = makeDevice(gateway, { record });
    device.on('message', async (message) => {
      await turns(2);
      steps.push(`obeyed ${message.id}`);
    });
    await device.online();
    await gateway.send('pump-7', 'x').acknowledged;
    const own = when === 'after' ? ['obeyed 2', 'stored 2'] : ['stored 2', 'obeyed 2'];
    assert.equal(steps, ['stored 1', ...own]); // 1 is the SKIP that every outbox begins with
    await closeAll(device, gateway);
  }
});

test('a store that fails is an error event and busy; the message comes again', async () => {
  const clock = new TestClock();
  const gateway = await listen({ clock });
  let fails = true;
  const record = { load: () => undefined, store: () => { if (fails) throw new Error('flash is worn out'); } };
  const device = makeDevice(gateway, { record, clock });
  const errors: Error[] = [];
  device.on('error', (error) => errors.push(error));
  device.on('message', () => undefined);
  await device.online();
  const sending = gateway.send('pump-7', 'x', { lifetime: 600_000 });
  await until('the error', () => errors.length >= 1);
  assert.is((errors[0] as { code?: string }).code, 'RECORD_FAILED');
  fails = false;
  let ended = false;
  void sending.acknowledged.then(() => (ended = true));
  await advanceUntil(clock, 'acknowledged', () => ended);
  await closeAll(device, gateway);
});

test('a load that fails closes the device and says why', async () => {
  const gateway = await listen();
  const device = makeDevice(gateway, { record: { load: () => Promise.reject(new Error('no card')), store: () => undefined }, start: false });
  const errors: Error[] = [];
  device.on('error', (error) => errors.push(error));
  device.connect();
  await until('closed', () => device.state.reason === 'closed');
  assert.match(errors[0]!.message, /no card/);
  assert.is(await codeOf(device.online()), 'CLOSED');
  await closeAll(gateway);
});

test('a device that was unref\'d lets the process end, though its gateway lives on', async () => {
  const gateway = await listen();
  const program = `
    import { Device } from 'tidelock/device';
    const device = new Device({ url: process.argv[1], id: 'pump-7', key: Buffer.from(process.argv[2], 'hex') });
    await device.online();
    device.unref();
    console.log('unref');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', gateway.address, KEY.toString('hex')], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (text) => (out += text));
  const code = await new Promise((resolve) => child.on('exit', resolve));
  assert.equal([code, out.trim()], [0, 'unref']);
  await closeAll(gateway);
});

test.run();
