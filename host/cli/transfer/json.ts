/** Devices as JSON: an array, one object a device, with its keys in an array. */
import type { DeviceRecord } from '../../registry/types.js';
import { JsonFault, lineAndColumn, parseJson, type Placed } from '../json-places.js';
import { instant } from './csv.js';
import { checkKeys, readDevice, readKey, shown, type FileFault, type Parsed, type ParsedDevice, type Tell } from './parsed.js';

const OF_DEVICE = ['identity', 'protocol', 'access', 'added', 'keys'];
const OF_KEY = ['keyId', 'state', 'made', 'key'];

/** A place is an offset in the text. */
export function parseDevices(text: string, mayLack: boolean): Parsed {
  const faults: FileFault[] = [];
  const devices = new Map<string, ParsedDevice>();
  const parsed: Parsed = { devices: [], faults, place: (at) => `line ${lineAndColumn(text, at).replace(':', ', column ')}` };
  let document: Placed;
  try {
    document = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    faults.push({ at: error.at, text: error.message });
    return parsed;
  }
  if (!Array.isArray(document.value)) faults.push({ at: document.at, text: 'the file must be an array of devices, [ … ]' });
  else {
    for (const node of document.value as readonly Placed[]) {
      const device = readOne(node, mayLack, (at, text) => void faults.push({ at, text }));
      if (device === undefined) continue;
      if (devices.has(device.identity)) faults.push({ at: node.at, text: `${shown(device.identity)} is there already` });
      else devices.set(device.identity, device);
    }
  }
  parsed.devices.push(...devices.values());
  return parsed;
}

type FaultAt = (at: number, text: string) => void;

function readOne(node: Placed, mayLack: boolean, fault: FaultAt): ParsedDevice | undefined {
  const tell: Tell = (text) => fault(node.at, text);
  const fields = fieldsOf(node, OF_DEVICE, fault);
  if (fields === undefined) return undefined;
  const device = readDevice({ identity: textOf(fields.get('identity'), fault), protocol: textOf(fields.get('protocol'), fault), access: textOf(fields.get('access'), fault), added: textOf(fields.get('added'), fault) }, node.at, tell);
  const keys = fields.get('keys');
  if (keys === undefined) {
    const key = readKey({ keyId: undefined, state: undefined, made: undefined, key: undefined }, mayLack, tell);
    if (key !== undefined && key !== 'none') device?.keys.push(key);
  } else if (!Array.isArray(keys.value)) fault(keys.at, '"keys" must be an array');
  else {
    for (const entry of keys.value as readonly Placed[]) {
      const of = fieldsOf(entry, OF_KEY, fault);
      if (of === undefined) continue;
      const key = readKey({ keyId: textOf(of.get('keyId'), fault), state: textOf(of.get('state'), fault), made: textOf(of.get('made'), fault), key: textOf(of.get('key'), fault) }, mayLack, (text) => fault(entry.at, text));
      if (key === 'none') fault(entry.at, 'a device without keys has an empty array of them');
      else if (key !== undefined) device?.keys.push(key);
    }
  }
  if (device !== undefined) checkKeys(device, tell);
  return device;
}

function fieldsOf(node: Placed, known: readonly string[], fault: FaultAt): ReadonlyMap<string, Placed> | undefined {
  if (!(node.value instanceof Map)) {
    fault(node.at, 'must be an object, { … }');
    return undefined;
  }
  const fields = node.value as ReadonlyMap<string, Placed>;
  for (const [name, member] of fields) if (!known.includes(name)) fault(member.nameAt ?? member.at, `${shown(name)} is unknown; known: ${known.join(', ')}`);
  return fields;
}

function textOf(node: Placed | undefined, fault: FaultAt): string | undefined {
  if (node === undefined) return undefined;
  if (typeof node.value === 'string') return node.value;
  if (typeof node.value === 'number') return String(node.value);
  fault(node.at, 'must be a text or a number');
  return undefined;
}

/** One line a device, so that two exports can be compared. */
export function* jsonLines(records: readonly DeviceRecord[], withKeys: boolean): Generator<string> {
  yield '[';
  for (const [i, { identity, protocol, disabled, created, keys }] of records.entries()) {
    const list = keys.map(({ keyId, state, created: made, key }) => ({
      keyId, state, made: instant(made), ...(withKeys && key !== undefined ? { key: Buffer.from(key).toString('hex') } : {}),
    }));
    yield JSON.stringify({ identity, protocol, access: disabled ? 'disabled' : 'enabled', added: instant(created), keys: list }) + (i < records.length - 1 ? ',' : '');
  }
  yield ']';
}
