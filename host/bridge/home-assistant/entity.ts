/**
 * What a device is to Home Assistant: entities, each with a name, a unit, a class, a topic that it reads and one that it commands.
 * The fields are those of Home Assistant's MQTT integrations; what each platform needs is theirs too.
 */
import { isTopic } from '../../core/topic.js';
import { badOption } from '../../options.js';

/** Platforms that one topic for the state and one for commands are enough for, and which of the two they need. */
const PLATFORMS = {
  binary_sensor: 'state', button: 'command', event: 'state', fan: 'command', light: 'command', lock: 'command', number: 'command', select: 'command',
  sensor: 'state', siren: 'command', switch: 'command', text: 'command', valve: 'command',
} as const satisfies Record<string, 'state' | 'command'>;

export type Platform = keyof typeof PLATFORMS;

export interface Entity {
  platform: Platform;
  /** Shown with the device's name. */
  name?: string;
  /** `unit_of_measurement`. */
  unit?: string;
  /** `device_class` and `state_class`, such as `temperature` and `measurement`. */
  deviceClass?: string;
  stateClass?: string;
  /** The device's topic whose messages are the state; `''`: messages without a topic. */
  topic?: string;
  /** `value_template`, which makes the state of a message. Default: the message is the state. */
  template?: string;
  /** The topic under which commands go down; `''`: none. */
  command?: string;
  /** Any other field of that platform, by its own name: `payload_on`, `min`, `options`, `icon`. */
  more?: Record<string, unknown>;
}

/** Names of entities stand in ids of Home Assistant. */
const NAME = /^[a-z0-9][a-z0-9_]{0,62}$/;
const TEXTS = ['name', 'unit', 'deviceClass', 'stateClass', 'template'] as const;
const KNOWN: readonly string[] = ['platform', ...TEXTS, 'topic', 'command', 'more'];
/** What the gateway says itself. */
const OURS = ['platform', 'unique_id', 'state_topic', 'command_topic', 'availability', 'availability_topic', 'device', 'origin', 'retain'];
const LONGEST_TEXT = 1_024;

export function isEntityName(name: string): boolean {
  return NAME.test(name);
}

/** Throws BAD_OPTION. */
export function checkEntity(entity: unknown): Entity {
  if (typeof entity !== 'object' || entity === null || Array.isArray(entity)) throw badOption('entity', entity, 'it must be an object');
  const given = entity as Entity & Record<string, unknown>;
  const unknown = Object.keys(given).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw badOption(`entity.${unknown}`, given[unknown], `there are ${KNOWN.join(', ')}`);
  if (!Object.hasOwn(PLATFORMS, given.platform)) throw badOption('platform', given.platform, `it must be one of ${Object.keys(PLATFORMS).join(', ')}`);
  for (const name of TEXTS) {
    const text = given[name];
    if (text !== undefined && (typeof text !== 'string' || text === '' || text.length > LONGEST_TEXT)) throw badOption(name, text, `it must be a text of 1 to ${LONGEST_TEXT} characters`);
  }
  for (const name of ['topic', 'command'] as const) {
    const topic = given[name];
    if (topic !== undefined && topic !== '' && !isTopic(topic)) throw badOption(name, topic, 'it must be a topic of the device, such as temp/inlet, without wildcards');
  }
  const needs = PLATFORMS[given.platform];
  if (needs === 'state' && given.topic === undefined) throw badOption('topic', undefined, `a ${given.platform} needs the topic that its state comes by`);
  if (needs === 'command' && given.command === undefined) throw badOption('command', undefined, `a ${given.platform} needs the topic that its commands go by`);
  const more = given.more ?? {};
  if (typeof more !== 'object' || Array.isArray(more)) throw badOption('more', more, 'it must be an object');
  const ours = Object.keys(more).find((name) => OURS.includes(name));
  if (ours !== undefined) throw badOption(`more.${ours}`, more[ours], 'the gateway says this itself');
  return given;
}
