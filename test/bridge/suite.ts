/** What the bridge promises, whichever broker it is: the same tests over all of them. */
import * as assert from 'uvu/assert';
import { test } from '../gateway/support.js';
import type { Broker } from './brokers.js';
import { device, eventually, Other, reading, result, site } from './support.js';

export function suite(start: () => Promise<Broker>): void {
  let broker: Broker;

  test('a broker is there', async () => {
    broker = await start();
  });

  test('a reading is acknowledged and comes up once, with its name and its time', async () => {
    const place = await site({ ...broker.bridge, prefix: 'up1' }), other = await Other.connect(broker, ['up1/#']);
    const pump = await device(place, 'plant/pump-7');
    await pump.send('21.5').acknowledged;
    await eventually('the reading', () => other.of('up1/plant/pump-7/up').length > 0);
    const [one] = other.of('up1/plant/pump-7/up');
    assert.is(reading(one!).text, '21.5');
    assert.match(reading(one!).id, /^[0-9a-f]{8}-\d+$/);
    await eventually('the inbox is empty', async () => (await place.registry.info()).inbox.rows === 0);
    assert.is(other.of('up1/plant/pump-7/up').length, 1);
    // An identity without a realm stands in the realm `-`.
    const bare = await device(place, 'pump-8');
    await bare.send(Buffer.from([0xff, 0x00])).acknowledged;
    await eventually('the bytes', () => other.of('up1/-/pump-8/up').length > 0);
    await pump.close();
    await bare.close();
    await place.close();
    await other.close();
  });

  test('readings of a device come up in order', async () => {
    const place = await site({ ...broker.bridge, prefix: 'up2' }), other = await Other.connect(broker, ['up2/+/+/up']);
    const devices = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => device(place, id)));
    const sent = devices.map((one) => Array.from({ length: 60 }, (_, i) => one.send(`${i}`).acknowledged));
    await Promise.all(sent.flat());
    await eventually('all of them', () => other.got.length >= 300);
    for (const { id } of devices) {
      assert.equal(other.of(`up2/-/${id}/up`).map((one) => reading(one).text), Array.from({ length: 60 }, (_, i) => `${i}`));
    }
    for (const one of devices) await one.close();
    await place.close();
    await other.close();
  });

  test('through: the broker\'s acknowledgement is the device\'s, and the registry keeps nothing', async () => {
    const place = await site({ ...broker.bridge, prefix: 'up3', mode: 'through' }), other = await Other.connect(broker, ['up3/+/+/up']);
    const pump = await device(place, 'pump-7');
    await Promise.all(Array.from({ length: 100 }, (_, i) => pump.send(`${i}`).acknowledged));
    await eventually('all of them', () => other.got.length >= 100);
    assert.equal(other.got.map((one) => reading(one).text), Array.from({ length: 100 }, (_, i) => `${i}`));
    assert.is((await place.registry.info()).inbox.rows, 0);
    await pump.close();
    // It comes back, and goes on where it was.
    const again = await device(place, 'pump-7');
    await again.send('101').acknowledged;
    await eventually('that one', () => other.got.length >= 101);
    await again.close();
    await place.close();
    await other.close();
  });

  test('a command reaches the device once, and its sender hears so', async () => {
    const place = await site({ ...broker.bridge, prefix: 'dn1' }), other = await Other.connect(broker, ['dn1/+/+/result', 'answers']);
    const taken: string[] = [];
    const pump = await device(place, 'pump-7');
    pump.on('message', (message) => void taken.push(message.text()));
    await eventually('the keeper', () => place.bridge.counters().keeper);
    await other.command('dn1/-/pump-7/down', 'valve open', { 'tl-id': 'c1' });
    await eventually('its result', () => other.got.length > 0);
    assert.equal(other.got.map((one) => [one.topic, result(one).result, result(one)['tl-id']]), [['dn1/-/pump-7/result', 'delivered', 'c1']]);
    // The same again is acknowledged and queues nothing; with a response topic the result goes there, with its correlation data.
    await other.command('dn1/-/pump-7/down', 'valve open', { 'tl-id': 'c1' });
    await other.command('dn1/-/pump-7/down', 'valve shut', { 'tl-response': 'answers', 'tl-correlation': 'x1' });
    await eventually('the second result', () => other.of('answers').length > 0);
    const [answer] = other.of('answers');
    assert.is(result(answer!).result, 'delivered');
    assert.is(answer!.correlation ?? result(answer!).correlation, 'x1');
    assert.equal(taken, ['valve open', 'valve shut']);
    assert.is(place.bridge.counters().repeats, 1);
    // With neither it may come twice, and the result says so.
    await other.publish('dn1/-/pump-7/down', 'plain');
    await eventually('the third result', () => other.got.length > 2);
    assert.is(result(other.got[2]!).once, false);
    assert.equal(taken, ['valve open', 'valve shut', 'plain']);
    await pump.close();
    await place.close();
    await other.close();
  });

  test('commands wait at the broker while the gateway is down, and keep their order', async () => {
    const options = { ...broker.bridge, prefix: 'dn2' };
    let place = await site(options);
    const key = Uint8Array.from(await place.registry.add('pump-7'));
    await eventually('the keeper', () => place.bridge.counters().keeper);
    await place.close();
    const other = await Other.connect(broker, ['dn2/+/+/result']);
    for (let i = 0; i < 50; i++) await other.command('dn2/-/pump-7/down', `${i}`, { 'tl-id': `c${i}`, 'tl-time': String(Date.now()), 'tl-lifetime': '600000' });
    place = await site(options, { place: place.place });
    const taken: string[] = [];
    const pump = await device(place, 'pump-7', { key });
    pump.on('message', (message) => void taken.push(message.text()));
    await eventually('all results', () => other.got.length >= 50);
    assert.equal(taken, Array.from({ length: 50 }, (_, i) => `${i}`));
    assert.ok(other.got.every((one) => result(one).result === 'delivered'));
    await pump.close();
    await place.close();
    await other.close();
  });

  test('the broker goes away and comes back: nothing is lost, and the order stays', async () => {
    const place = await site({ ...broker.bridge, prefix: 'cut' });
    let other = await Other.connect(broker, ['cut/+/+/up'], { clientId: 'cut-other', clean: false });
    const pump = await device(place, 'pump-7');
    await Promise.all(Array.from({ length: 20 }, (_, i) => pump.send(`${i}`).acknowledged));
    await eventually('the first', () => other.got.length >= 20);
    const before = [...other.got];
    await other.close();
    await broker.kill();
    // The inbox takes them all the same.
    await Promise.all(Array.from({ length: 20 }, (_, i) => pump.send(`${20 + i}`).acknowledged));
    assert.is((await place.registry.info()).inbox.rows >= 20, true);
    await broker.start();
    await eventually('the bridge is back', () => place.bridge.counters().connections === place.bridge.counters().wanted);
    other = await Other.connect(broker, [], { clientId: 'cut-other', clean: false });
    await other.client.subscribeAsync(['cut/+/+/up'], { qos: 1 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => pump.send(`${40 + i}`).acknowledged));
    await eventually('the inbox is empty', async () => (await place.registry.info()).inbox.rows === 0);
    await eventually('the last', () => other.got.some((one) => reading(one).text === '59'));
    // A consumer that drops what is not above the last it saw.
    let last = 0;
    const seen = [...before, ...other.got].map(reading).filter(({ id }) => {
      const number = Number(id.split('-')[1]);
      if (number <= last) return false;
      last = number;
      return true;
    });
    // What came while nobody had a session at a broker that forgets is that broker's loss: the last twenty all came.
    assert.equal(seen.slice(-20).map(({ text }) => text), Array.from({ length: 20 }, (_, i) => `${40 + i}`));
    await pump.close();
    await place.close();
    await other.close();
  });

  test('status is retained, and ends with the session', async () => {
    const place = await site({ ...broker.bridge, prefix: 'st1' });
    const pump = await device(place, 'pump-7');
    const status = (other: Other): { connected: boolean }[] => other.of('st1/-/pump-7/status').map(({ text }) => JSON.parse(text) as { connected: boolean });
    await eventually('the bridge is there', () => place.bridge.counters().connections === place.bridge.counters().wanted);
    const other = await Other.connect(broker, ['st1/#']);
    await eventually('its status', () => status(other).length > 0);
    const { since, ...told } = status(other)[0] as unknown as Record<string, unknown>;
    assert.type(since, 'number');
    assert.equal(told, { connected: true, link: 'tcp', suite: 'sealed', trust: 'proved', gateway: 'local', epoch: 1 });
    await pump.close();
    await eventually('its end', () => status(other).at(-1)?.connected === false);
    await place.gateway.close();
    await place.registry.close();
    await eventually('the gateway\'s', () => other.of('st1/$gw/local/status').at(-1)?.text === '{"connected":false}');
    await other.close();
  });

  test('the broker ends', async () => {
    await broker.close();
  });

  test.run();
}
