/** What a file of devices says, checked as a whole: every fault with its place, none with a key in it. */
import { isIdentity } from '../../core/identity.js';
import { keysProblem } from '../../registry/records.js';
import type { DeviceProtocol } from '../../registry/types.js';

export interface ParsedKey {
  readonly keyId: number;
  readonly state: 'current' | 'next';
  readonly created: number | undefined;
  /** Undefined: it is to be made. */
  key: Buffer | undefined;
}

export interface ParsedDevice {
  readonly identity: string;
  readonly protocol: DeviceProtocol;
  readonly disabled: boolean;
  readonly created: number | undefined;
  readonly keys: ParsedKey[];
  /** Where it stands; `Parsed.place` puts it into words. */
  readonly at: number;
}

export interface FileFault {
  readonly at: number;
  readonly text: string;
}

export interface Parsed {
  readonly devices: ParsedDevice[];
  readonly faults: FileFault[];
  place(at: number): string;
}

/** Texts of a device, by the names of the file; undefined or empty where they were not given. */
export interface DeviceFields {
  identity: string | undefined;
  protocol: string | undefined;
  access: string | undefined;
  added: string | undefined;
}

export interface KeyFields {
  keyId: string | undefined;
  /** `none`: there is no key. */
  state: string | undefined;
  made: string | undefined;
  key: string | undefined;
}

export type Tell = (text: string) => void;

/** Undefined where anything is wrong; then `tell` has said it. */
export function readDevice({ identity = '', protocol, access, added }: DeviceFields, at: number, tell: Tell): ParsedDevice | undefined {
  let wrong = false;
  const fault = (text: string): void => {
    wrong = true;
    tell(text);
  };
  const speaks = protocol === undefined || protocol === '' ? 'tidelock' : protocol;
  if (speaks !== 'tidelock' && speaks !== 'iotsocket') fault(`protocol must be tidelock or iotsocket, not ${shown(speaks)}`);
  if (identity === '') fault('has no identity');
  else if (!isIdentity(identity)) fault(`the identity ${shown(identity)} does not have the form of one`);
  else if (speaks === 'iotsocket' && !/^[0-9]{10}$/.test(identity)) fault(`the identity ${shown(identity)} is not ten digits, as IoTSocket has them`);
  const let_in = access === undefined || access === '' ? 'enabled' : access;
  if (let_in !== 'enabled' && let_in !== 'disabled') fault(`access must be enabled or disabled, not ${shown(let_in)}`);
  const created = readTime('added', added, fault);
  return wrong ? undefined : { identity, protocol: speaks as DeviceProtocol, disabled: let_in === 'disabled', created, keys: [], at };
}

/** Undefined where anything is wrong; then `tell` has said it. `none`: the device has no key. */
export function readKey({ keyId = '', state = '', made, key = '' }: KeyFields, mayLack: boolean, tell: Tell): ParsedKey | 'none' | undefined {
  if (state === 'none') {
    if (keyId === '' && key === '') return 'none';
    tell('state none has a key all the same');
    return undefined;
  }
  let wrong = false;
  const fault = (text: string): void => {
    wrong = true;
    tell(text);
  };
  if (keyId !== '' && !(/^\d{1,3}$/.test(keyId) && Number(keyId) <= 255)) fault(`the number of a key must be from 0 to 255, not ${shown(keyId)}`);
  if (!['', 'current', 'next'].includes(state)) fault(`state must be current, next or none, not ${shown(state)}`);
  if (key === '') {
    if (!mayLack) fault('has no key; with --new-keys one is made');
  } else if (!/^[0-9a-fA-F]{64}$/.test(key)) fault('the key is not 64 hexadecimal digits');
  else if (/^0+$/.test(key)) fault('the key is all zero');
  const created = readTime('made', made, fault);
  if (wrong) return undefined;
  return { keyId: Number(keyId), state: state === 'next' ? 'next' : 'current', created, key: key === '' ? undefined : Buffer.from(key, 'hex') };
}

/** What is wrong with a device once all its keys are known. */
export function checkKeys({ identity, keys }: ParsedDevice, tell: Tell): void {
  const problem = keysProblem(keys);
  if (problem !== undefined) tell(`${shown(identity)}: ${problem}`);
}

/** As JSON has it, cut: what a stranger wrote must not fill the screen. */
export function shown(text: string): string {
  const json = JSON.stringify(text);
  return json.length > 80 ? `${json.slice(0, 77)}…` : json;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

function readTime(name: string, text: string | undefined, fault: Tell): number | undefined {
  if (text === undefined || text === '') return undefined;
  const time = TIME.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(time) && time >= 0) return time;
  fault(`${name} must be a time such as 2026-11-21T10:12:01.250Z, not ${shown(text)}`);
  return undefined;
}
