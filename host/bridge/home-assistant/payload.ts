/**
 * Home Assistant's MQTT discovery, one configuration a device: the topic, and the payload with the device, its origin, its components and
 * how it is seen whether they are available. https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
 */
import type { Topics } from '../topics.js';
import type { Entity } from './entity.js';

/** Of one device, by name. `removed`: Home Assistant is to forget it. */
export type Entities = ReadonlyMap<string, { entity: Entity; removed: boolean }>;

export interface Announcement {
  topic: string;
  /** Empty: the whole device is removed. */
  payload: string;
}

export interface Announcing {
  topics: Pick<Topics, 'prefix' | 'up' | 'status' | 'own' | 'of'>;
  /** First level of the topics of discovery, `homeassistant`. */
  discovery: string;
  version: string;
}

/**
 * An identity in the letters that ids there may have, [a-zA-Z0-9_-]; two identities never give one id: every other byte is `_` and two
 * hexadecimal digits.
 */
export function objectId(prefix: string, identity: string): string {
  return `${encode(prefix)}_-${encode(identity)}`;
}

function encode(text: string): string {
  return Array.from(Buffer.from(text, 'utf8'), (byte) => {
    const letter = String.fromCharCode(byte);
    return /[a-zA-Z0-9-]/.test(letter) ? letter : `_${byte.toString(16).padStart(2, '0')}`;
  }).join('');
}

/** Their JSON tells it by `connected`; the gateway's own has a will, so that nothing stays available behind a gateway that died. */
const AVAILABLE = "{{ 'online' if value_json.connected else 'offline' }}";

export function announce(identity: string, entities: Entities, { topics, discovery, version }: Announcing): Announcement {
  const id = objectId(topics.prefix, identity);
  const topic = `${discovery}/device/${id}/config`;
  const components: Record<string, object> = {};
  let alive = 0;
  for (const [name, { entity, removed }] of entities) {
    // A component with its platform alone is removed.
    components[name] = removed ? { platform: entity.platform } : component(`${id}__${name}`, identity, entity, topics);
    if (!removed) alive += 1;
  }
  if (alive === 0) return { topic, payload: '' };
  const payload = {
    device: { identifiers: [id], name: identity },
    origin: { name: 'Tidelock', sw_version: version },
    components,
    availability: [topics.status(identity), topics.own('status')].map((each) => ({ topic: each, value_template: AVAILABLE })),
    availability_mode: 'all',
    qos: 1,
  };
  return { topic, payload: JSON.stringify(payload) };
}

function component(uniqueId: string, identity: string, { platform, name, unit, deviceClass, stateClass, topic, template, command, more }: Entity, topics: Announcing['topics']): object {
  return {
    platform,
    unique_id: uniqueId,
    ...(name === undefined ? {} : { name }),
    ...(unit === undefined ? {} : { unit_of_measurement: unit }),
    ...(deviceClass === undefined ? {} : { device_class: deviceClass }),
    ...(stateClass === undefined ? {} : { state_class: stateClass }),
    ...(topic === undefined ? {} : { state_topic: topics.up(identity, topic) }),
    ...(template === undefined ? {} : { value_template: template }),
    ...(command === undefined ? {} : { command_topic: `${topics.of(identity)}/down${command === '' ? '' : `/${command}`}` }),
    ...more,
  };
}
