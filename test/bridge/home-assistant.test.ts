/** What Home Assistant is told: the payloads of its documentation, made of the mapping. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkEntity, type Entity } from '../../dist/host/bridge/home-assistant/entity.js';
import { announce, objectId, type Announcing } from '../../dist/host/bridge/home-assistant/payload.js';
import { Topics } from '../../dist/host/bridge/topics.js';

const announcing: Announcing = { topics: new Topics('tl', 'local'), discovery: 'homeassistant', version: '0.1.0' };
const of = (entities: Record<string, Entity | 'removed'>): Map<string, { entity: Entity; removed: boolean }> =>
  new Map(Object.entries(entities).map(([name, entity]) => [name, entity === 'removed' ? { entity: { platform: 'sensor' }, removed: true } : { entity, removed: false }]));

test('a device with a sensor, a binary sensor, a switch and a number: one configuration, as documented', () => {
  const { topic, payload } = announce('plant-2/pump-7', of({
    inlet: { platform: 'sensor', name: 'Inlet', unit: '°C', deviceClass: 'temperature', stateClass: 'measurement', topic: 'temp/inlet', template: '{{ value_json.t }}' },
    leak: { platform: 'binary_sensor', deviceClass: 'moisture', topic: '', more: { payload_on: 'wet', payload_off: 'dry' } },
    pump: { platform: 'switch', topic: 'pump', command: 'pump/set' },
    speed: { platform: 'number', topic: 'speed', command: '', more: { min: 0, max: 3_000, step: 50 } },
  }), announcing);
  // <discovery_prefix>/device/<object_id>/config, its letters of [a-zA-Z0-9_-]
  assert.is(topic, 'homeassistant/device/tl_-plant-2_2fpump-7/config');
  assert.equal(JSON.parse(payload), {
    device: { identifiers: ['tl_-plant-2_2fpump-7'], name: 'plant-2/pump-7' },
    origin: { name: 'Tidelock', sw_version: '0.1.0' },
    components: {
      inlet: {
        platform: 'sensor', unique_id: 'tl_-plant-2_2fpump-7__inlet', name: 'Inlet', unit_of_measurement: '°C', device_class: 'temperature', state_class: 'measurement',
        state_topic: 'tl/plant-2/pump-7/up/temp/inlet', value_template: '{{ value_json.t }}',
      },
      leak: { platform: 'binary_sensor', unique_id: 'tl_-plant-2_2fpump-7__leak', device_class: 'moisture', state_topic: 'tl/plant-2/pump-7/up', payload_on: 'wet', payload_off: 'dry' },
      pump: { platform: 'switch', unique_id: 'tl_-plant-2_2fpump-7__pump', state_topic: 'tl/plant-2/pump-7/up/pump', command_topic: 'tl/plant-2/pump-7/down/pump/set' },
      speed: { platform: 'number', unique_id: 'tl_-plant-2_2fpump-7__speed', state_topic: 'tl/plant-2/pump-7/up/speed', command_topic: 'tl/plant-2/pump-7/down', min: 0, max: 3_000, step: 50 },
    },
    availability: [
      { topic: 'tl/plant-2/pump-7/status', value_template: "{{ 'online' if value_json.connected else 'offline' }}" },
      { topic: 'tl/$gw/local/status', value_template: "{{ 'online' if value_json.connected else 'offline' }}" },
    ],
    availability_mode: 'all',
    qos: 1,
  });
});

test('one that is taken back is its platform alone; where none is left the configuration is empty', () => {
  const sensor: Entity = { platform: 'sensor', topic: 'a' };
  const some = JSON.parse(announce('pump-7', of({ a: sensor, b: 'removed' }), announcing).payload) as { components: object };
  assert.equal(some.components, { a: { platform: 'sensor', unique_id: 'tl_-pump-7__a', state_topic: 'tl/-/pump-7/up/a' }, b: { platform: 'sensor' } });
  assert.equal(announce('pump-7', of({ b: 'removed' }), announcing), { topic: 'homeassistant/device/tl_-pump-7/config', payload: '' });
});

test('ids hold the letters that they may, and no two devices share one', () => {
  const seen = new Map<string, string>();
  fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), (identity) => {
    const id = objectId('tl', identity);
    assert.match(id, /^[a-zA-Z0-9_-]+$/);
    assert.not.match(id, /__/, 'two of them divide an id from an entity');
    if (seen.has(id)) assert.is(seen.get(id), identity);
    seen.set(id, identity);
  }), { numRuns: 5_000 });
  assert.is.not(objectId('tl', 'a/b'), objectId('tl', 'a_2fb'));
  assert.is.not(objectId('tl', 'a'), objectId('tl_', '-a'));
});

test('a mapping that Home Assistant would not take is refused, with what is wrong', () => {
  const problem = (entity: unknown): string => {
    try {
      checkEntity(entity);
      return '';
    } catch (error) {
      assert.is((error as { code: string }).code, 'BAD_OPTION');
      return (error as Error).message;
    }
  };
  assert.is(problem({ platform: 'sensor', topic: 'temp' }), '');
  assert.is(problem({ platform: 'button', command: '' }), '');
  for (const [entity, wanted] of [
    [undefined, /must be an object/], [{ platform: 'toaster' }, /platform is "toaster".*sensor/], [{ platform: 'toString', topic: 'a' }, /platform/],
    [{ platform: 'sensor' }, /needs the topic that its state comes by/], [{ platform: 'switch', topic: 'a' }, /needs the topic that its commands go by/],
    [{ platform: 'sensor', topic: 'a/#' }, /topic/], [{ platform: 'sensor', topic: 'a', unit: '' }, /unit/], [{ platform: 'sensor', topic: 'a', colour: 1 }, /entity\.colour/],
    [{ platform: 'sensor', topic: 'a', more: { unique_id: 'x' } }, /more\.unique_id.*itself/], [{ platform: 'switch', command: 'a', more: { retain: true } }, /more\.retain/],
  ] as const) assert.match(problem(entity), wanted);
});

test.run();
