/**
 * Flags, environment and one JSON file, in this order of precedence, checked as a whole: every fault of every place is
 * named in one error, also of a value that another place overrides, because a fault that waits is found at the worst time.
 */
import { readFileSync } from 'node:fs';
import { TidelockError } from '../errors.js';
import { parseDatabase } from '../registry/database/url.js';
import { closest } from './closest.js';
import { JsonFault, lineAndColumn, parseJson, type Placed } from './json-places.js';
import { MASTER_KEY_VARIABLE } from './master-key.js';
import { assemble, contradictions, Fault, findSetting, flagName, SETTINGS, variableName, type Given } from './settings.js';
import type { Settings } from './setting-types.js';

export interface Sources {
  /** Flags by name of the setting (`logLevel`); `limit` holds `name=value` texts, `config` the path of the file. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Resolved {
  readonly settings: Settings;
  /** What is no fault but looks like one: variables `TIDELOCK_…` that nothing reads. */
  readonly warnings: readonly string[];
}

interface Found {
  readonly faults: string[];
  readonly warnings: string[];
  readonly values: Map<string, unknown>;
}

/** A configuration is a page; the bound keeps a wrong path (a disk, a log) from being read whole. */
const LARGEST_FILE = 1 << 20;

/** Throws CONFIG_INVALID, naming every fault with its place. */
export function resolve({ flags, environment }: Sources): Resolved {
  const found: Found = { faults: [], warnings: [], values: new Map() };
  const file = (flags['config'] ?? environment['TIDELOCK_CONFIG']) as string | undefined;
  if (file) readFile(file, found);
  readEnvironment(environment, found);
  readFlags(flags, found);
  const settings = found.faults.length > 0 ? undefined : assemble(found.values);
  if (settings !== undefined) found.faults.push(...contradictions(settings));
  if (settings?.masterKeyFile !== undefined && environment[MASTER_KEY_VARIABLE] !== undefined) {
    found.faults.push(`${MASTER_KEY_VARIABLE} and a file with the master key are both given: take one away`);
  }
  if (settings === undefined || found.faults.length > 0) {
    const count = found.faults.length === 1 ? 'one fault' : `${found.faults.length} faults`;
    const faults = found.faults.length === 1 ? found.faults[0]! : found.faults.map((fault) => `\n  ${fault}`).join('');
    throw new TidelockError('CONFIG_INVALID', { count, faults });
  }
  return { settings, warnings: found.warnings };
}

/** Checks the value of one place; a later call overrides an earlier one. */
function take(name: string, given: Given, place: string, found: Found): void {
  try {
    found.values.set(name, findSetting(name)!.parse(given));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    found.faults.push(`${place}${error.message.startsWith(':') ? '' : ' '}${error.message}`);
  }
}

function readFlags(flags: Sources['flags'], found: Found): void {
  for (const { name } of SETTINGS) {
    const given = flags[name];
    if (given === undefined) continue;
    take(name, given as Given, `--${flagName(name)}`, found);
    if (name === 'database' && hasPassword(found.values.get(name))) {
      found.faults.push('--database has a password in it, and a command line can be read by all: set TIDELOCK_DATABASE, PGPASSWORD or "database" in the file');
    }
  }
  for (const pair of (flags['limit'] ?? []) as string[]) {
    const [name = '', value] = pair.split('=', 2);
    const place = `--limit ${name}`;
    if (findSetting(`limits.${name}`) === undefined) found.faults.push(`${place} is unknown${hint(name, limitNames())}`);
    else if (value === undefined) found.faults.push(`${place} needs a value, such as --limit ${name}=100`);
    else take(`limits.${name}`, value, place, found);
  }
}

function hasPassword(url: unknown): boolean {
  if (typeof url !== 'string') return false;
  const place = parseDatabase(url);
  return place.kind === 'postgres' && place.password;
}

function readEnvironment(environment: Sources['environment'], found: Found): void {
  const names = new Map(SETTINGS.map(({ name }) => [variableName(name), name]));
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('TIDELOCK_') || value === undefined || OTHER_VARIABLES.has(variable)) continue;
    const name = names.get(variable);
    if (name !== undefined) take(name, value, variable, found);
    // A container platform adds variables after the name of a service, so an unknown one cannot be a fault.
    else if (!/^TIDELOCK_(SERVICE|PORT)(_|$)/.test(variable)) {
      found.warnings.push(`${variable} in the environment is unknown${hint(variable, [...names.keys(), ...OTHER_VARIABLES])}`);
    }
  }
}

const OTHER_VARIABLES = new Set(['TIDELOCK_CONFIG', 'TIDELOCK_DEBUG', MASTER_KEY_VARIABLE]);

function readFile(file: string, found: Found): void {
  let text: string;
  try {
    text = readBounded(file);
  } catch (error) {
    found.faults.push(`${file} cannot be read: ${(error as Error).message}`);
    return;
  }
  const place = (at: number): string => `${file}:${lineAndColumn(text, at)}`;
  try {
    readObject(parseJson(text), '', place, found);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    found.faults.push(`${place(error.at)} ${error.message}`);
  }
}

function readBounded(file: string): string {
  const bytes = readFileSync(file);
  if (bytes.length > LARGEST_FILE) throw new Error(`it is larger than ${LARGEST_FILE} bytes`);
  return bytes.toString('utf8');
}

function readObject(node: Placed, prefix: string, place: (at: number) => string, found: Found): void {
  if (!(node.value instanceof Map)) {
    found.faults.push(`${place(node.at)} ${prefix === '' ? 'the file' : `"${prefix.slice(0, -1)}"`} must be an object, { … }`);
    return;
  }
  for (const [key, member] of node.value as ReadonlyMap<string, Placed>) {
    const name = prefix + key;
    if (name === 'limits') readObject(member, 'limits.', place, found);
    else if (findSetting(name) !== undefined) take(name, plain(member), `${place(member.at)} "${name}"`, found);
    else {
      const known = prefix === '' ? [...topNames(), 'limits'] : limitNames();
      found.faults.push(`${place(member.nameAt ?? member.at)} ${JSON.stringify(name)} is unknown${hint(key, known)}`);
    }
  }
}

function plain({ value }: Placed): Given {
  if (Array.isArray(value)) return (value as readonly Placed[]).map(plain);
  if (value instanceof Map) return Object.fromEntries([...(value as ReadonlyMap<string, Placed>)].map(([name, member]) => [name, plain(member)]));
  return value as Given;
}

function topNames(): string[] {
  return SETTINGS.map(({ name }) => name).filter((name) => !name.includes('.'));
}

function limitNames(): string[] {
  return SETTINGS.map(({ name }) => name)
    .filter((name) => name.startsWith('limits.'))
    .map((name) => name.slice('limits.'.length));
}

function hint(name: string, known: readonly string[]): string {
  const best = closest(name, known);
  return best === undefined ? `; known: ${known.join(', ')}` : `; did you mean ${best}?`;
}
