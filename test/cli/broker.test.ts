/** The command with a broker: subscriptions, dead letters, Home Assistant. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistry } from 'tidelock/registry';
import { startAedes } from '../bridge/brokers.js';
import { Other, eventually } from '../bridge/support.js';
import { inPlace, jsonLines } from './harness.js';

const test = suite('a broker in the shell');

test('subscriptions, with a gateway and without one', () =>
  inPlace(async (place) => {
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    for (const running of [false, true]) {
      if (running) await place.serve();
      assert.match((await place.run(['devices', 'subscribe', 'pump-7', 'plant/+/weather'])).stdout, /^plant\/\+\/weather reaches pump-7 while it is connected\n$/);
      assert.match((await place.run(['devices', 'subscribe', 'pump-7', 'plant/+/weather'])).stdout, /it did already/);
      assert.match((await place.run(['devices', 'subscribe', 'pump-7', 'a/#/b'])).stderr, /BAD_OPTION.*topic filter/s);
      assert.match((await place.run(['devices', 'subscribe', 'nobody', 'a'])).stderr, /DEVICE_UNKNOWN/);
      assert.equal(jsonLines((await place.run(['devices', 'subscriptions', '--json'])).stdout), [{ identity: 'pump-7', filter: 'plant/+/weather' }]);
      assert.match((await place.run(['devices', 'subscriptions', 'pump-7'])).stdout, /^DEVICE +TOPICS\npump-7 +plant\/\+\/weather\n$/);
      assert.is((await place.run(['devices', 'unsubscribe', 'pump-7', 'plant/+/weather'])).code, 0);
      assert.is((await place.run(['devices', 'unsubscribe', 'pump-7', 'plant/+/weather'])).code, 1);
      assert.match((await place.run(['devices', 'subscriptions'])).stderr, /no subscriptions/);
    }
  }));

test('rules: devices come and go, with a gateway and without one', () =>
  inPlace(async (place) => {
    for (const id of ['pump-7', 'pump-8', 'pump-9']) await place.run(['devices', 'add', id, '--key-file', `${id}.key`]);
    for (const running of [false, true]) {
      if (running) await place.serve();
      assert.match((await place.run(['rules', 'list'])).stderr, /no rules/);
      assert.is((await place.run(['rules', 'add', 'news/#', 'pump-7', 'pump-8'])).stdout, 'news/# is queued for 2 devices\n');
      assert.is((await place.run(['rules', 'add', 'news/#', 'pump-8', 'pump-9'])).stdout, 'news/# is queued for 3 devices, 1 of them new\n');
      assert.is((await place.run(['rules', 'add', 'news/#', 'pump-9'])).stdout, 'news/# is queued for 3 devices (as before)\n');
      assert.equal(jsonLines((await place.run(['rules', 'add', 'plant/+/settings', 'pump-7', '--json'])).stdout), [{ filter: 'plant/+/settings', added: 1, devices: 1 }]);
      const wrong = await place.run(['rules', 'add', 'a/#/b', 'pump-7']);
      assert.is(wrong.code, 1);
      assert.match(wrong.stderr, /BAD_OPTION.*topic filter/s);
      assert.match((await place.run(['rules', 'add', 'news/#', 'nobody'])).stderr, /DEVICE_UNKNOWN/);
      assert.is((await place.run(['rules', 'add', 'news/#'])).code, 2);
      assert.equal(jsonLines((await place.run(['rules', 'list', '--json'])).stdout), [{ filter: 'news/#', identities: ['pump-7', 'pump-8', 'pump-9'] }, { filter: 'plant/+/settings', identities: ['pump-7'] }]);
      assert.match((await place.run(['rules', 'list'])).stdout, /^TOPICS +DEVICE\nnews\/# +pump-7\nnews\/# +pump-8\nnews\/# +pump-9\nplant\/\+\/settings +pump-7\n$/);
      assert.is((await place.run(['rules', 'remove', 'news/#', 'pump-7'])).stdout, 'news/# is queued for 2 devices now\n');
      assert.is((await place.run(['rules', 'remove', 'news/#', 'pump-7'])).code, 1);
      assert.equal(jsonLines((await place.run(['rules', 'remove', 'news/#', '--json'])).stdout), [{ filter: 'news/#', removed: 2, devices: 0 }]);
      assert.is((await place.run(['rules', 'remove', 'plant/+/settings', 'pump-7'])).stdout, 'plant/+/settings is queued for no device now\n');
      assert.is((await place.run(['rules', 'remove', 'plant/+/settings'])).code, 1);
    }
  }));

test('a rule that is made in the shell reaches its devices, also one that sleeps, and ends at once', () =>
  inPlace(async (place) => {
    const broker = await startAedes(), other = await Other.connect(broker, ['tl/+/+/result']);
    try {
      for (const id of ['pump-7', 'pump-8']) await place.run(['devices', 'add', id, '--key-file', `${id}.key`]);
      const { gateway, url } = await place.serve(['--log-level', 'debug', '--mqtt', broker.url]);
      await gateway.line('stderr', /connected to the broker.*"connections":4|"connections":4.*connected to the broker/);
      await place.run(['rules', 'add', 'plant/settings/#', 'pump-7', 'pump-8']);
      await eventually('the broker has the subscription', async () => {
        await other.publish('plant/settings/pressure', '4.2');
        return (await place.run(['queue', 'list', 'pump-8', '--json'])).stdout !== '';
      });
      await place.run(['rules', 'remove', 'plant/settings/#', 'pump-7']);
      await other.publish('plant/settings/level', '7');
      const listening = ['device', '--listen', '--topics', '--json', '--id'];
      const two = place.start([...listening, 'pump-8', '--key-file', 'pump-8.key', url], { input: '' });
      await two.line('stdout', /plant\/settings\/level.*7|7.*plant\/settings\/level/);
      assert.match(two.stdout, /plant\/settings\/pressure/);
      const one = place.start([...listening, 'pump-7', '--key-file', 'pump-7.key', url], { input: '' });
      await one.line('stdout', /plant\/settings\/pressure/);
      await eventually('results are told', () => other.got.some(({ topic }) => topic === 'tl/-/pump-7/result') && other.got.some(({ topic }) => topic === 'tl/-/pump-8/result'));
      assert.not.match(one.stdout, /level/);
    } finally {
      await other.close();
      await broker.close();
    }
  }));

test('dead letters are listed with their reason, and go again', () =>
  inPlace(async (place) => {
    await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
    const none = await place.run(['dead-letters', 'list']);
    assert.equal([none.code, none.stdout], [0, '']);
    assert.match(none.stderr, /no dead letters/);
    const database = `sqlite:${place.path('tidelock.db')}`;
    let registry = await openRegistry(database, { create: false });
    registry.consumers(['bridge']);
    const { lease } = (await registry.takeover('pump-7', 7))!;
    await registry.commit([1, 2].map((id) => ({ lease, id, time: Date.now(), repeat: false, topic: 'temp/inlet', body: Buffer.from(`reading ${id}`) })));
    for (const { position } of await registry.read({ consumer: 'bridge' })) assert.ok(await registry.bridge.dead(position, 'not authorized'));
    await registry.close();
    const all = jsonLines((await place.run(['dead-letters', 'list', '--json'])).stdout);
    assert.equal(all.map(({ device, topic, text, reason }) => [device, topic, text, reason]), [1, 2].map((id) => ['pump-7', 'temp/inlet', `reading ${id}`, 'not authorized']));
    assert.match((await place.run(['dead-letters', 'list'])).stdout, /^NUMBER +DEVICE +TOPIC +SINCE +REASON +PAYLOAD\n\d+ +pump-7 +temp\/inlet .* not authorized +reading 1\n/);
    const one = await place.run(['dead-letters', 'retry', String(all[0]!['position'])]);
    assert.equal([one.code, one.stdout], [0, '1 on the way to the broker again\n']);
    const { gateway } = await place.serve();
    assert.equal(jsonLines((await place.run(['dead-letters', 'list', '--json'])).stdout).length, 1, 'the running gateway says the same');
    assert.equal(jsonLines((await place.run(['dead-letters', 'retry', 'all', '--json'])).stdout), [{ retried: 1 }]);
    gateway.signal('SIGTERM');
    await gateway.ended();
    registry = await openRegistry(database, { create: false });
    assert.equal((await registry.read({ consumer: 'bridge' })).map(({ topic, body }) => [topic, String(body)]).sort(), [1, 2].map((id) => ['temp/inlet', `reading ${id}`]));
    await registry.close();
    assert.is((await place.run(['dead-letters', 'retry', '17'])).code, 1);
    assert.is((await place.run(['dead-letters', 'retry', 'all'])).code, 0);
    assert.match((await place.run(['dead-letters', 'retry', 'x'])).stderr, /INPUT_INVALID.*no number/s);
  }));

test('what is announced in the shell stands at the broker, and goes when it is taken back', () =>
  inPlace(async (place) => {
    const broker = await startAedes(), home = await Other.connect(broker, ['homeassistant/#']);
    try {
      await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
      await place.serve(['--mqtt', broker.url]);
      const announce = ['devices', 'announce', 'pump-7'];
      const told = await place.run([...announce, 'inlet', '--platform', 'sensor', '--topic', 'temp/inlet', '--unit', '°C', '--device-class', 'temperature', '--state-class', 'measurement', '--set', 'suggested_display_precision=1', '--set', 'icon=mdi:pump']);
      assert.is(told.code, 0, told.stderr);
      await eventually('it is told', () => home.got.length === 1);
      const { components } = JSON.parse(home.got[0]!.text) as { components: Record<string, object> };
      assert.equal(components['inlet'], {
        platform: 'sensor', unique_id: 'tl_-pump-7__inlet', unit_of_measurement: '°C', device_class: 'temperature', state_class: 'measurement',
        state_topic: 'tl/-/pump-7/up/temp/inlet', suggested_display_precision: 1, icon: 'mdi:pump',
      });
      assert.match((await place.run([...announce, 'motor', '--platform', 'switch', '--topic', 'motor'])).stderr, /BAD_OPTION.*needs the topic that its commands go by/s);
      assert.match((await place.run([...announce, 'x', '--platform', 'sensor', '--topic', 'a', '--set', 'nothing'])).stderr, /INPUT_INVALID/);
      assert.match((await place.run(['devices', 'announced'])).stdout, /^DEVICE +ENTITY +PLATFORM +TOPIC +COMMAND +UNIT\npump-7 +inlet +sensor +temp\/inlet +- +°C\n$/);
      assert.equal(jsonLines((await place.run(['devices', 'announced', 'pump-7', '--json'])).stdout).map(({ entity, platform }) => [entity, platform]), [['inlet', 'sensor']]);
      assert.match((await place.run([...announce, 'y', '--platform', 'sensor', '--topic', 'a', '--set', `icon=${'x'.repeat(40_000)}`])).stderr, /INPUT_INVALID.*more than the 32768 bytes/s);
      for (const word of ['announced', 'subscriptions']) assert.match((await place.run(['devices', word, 'pump-8'])).stderr, /DEVICE_UNKNOWN.*no device pump-8/s);
      assert.is((await place.run(['devices', 'unannounce', 'pump-7'])).code, 0);
      await eventually('it is taken back', () => home.got.at(-1)!.text === '');
      assert.is((await place.run(['devices', 'unannounce', 'pump-7'])).code, 1);
    } finally {
      await home.close();
      await broker.close();
    }
  }));

test.run();
