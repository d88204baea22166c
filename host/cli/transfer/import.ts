/** `tidelock devices import`: a file of devices, all or none, after every fault of it was named. */
import { randomFillSync } from 'node:crypto';
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { TidelockError } from '../../errors.js';
import { parseDatabase } from '../../registry/database/url.js';
import type { DeviceRecord, Registry } from '../../registry/types.js';
import { refuseRunning } from '../access.js';
import { openDatabase } from '../database.js';
import { reasonOf } from '../key-file.js';
import type { Output } from '../output.js';
import { createProgress } from '../progress.js';
import type { Settings } from '../setting-types.js';
import { parseCsv } from './csv.js';
import { parseDevices } from './json.js';
import { shown, type FileFault, type Parsed } from './parsed.js';

export interface ImportRequest {
  file: string;
  /** Undefined: by the end of the file's name. */
  format: 'csv' | 'json' | undefined;
  existing: 'refuse' | 'skip' | 'replace';
  newKeys: boolean;
  dryRun: boolean;
}

/** Keeps a wrong path (a disk, a log) from being read whole; 500,000 devices fit. */
const LARGEST_FILE = 128 << 20;
/** Faults that are printed; the rest is counted. */
const MOST_FAULTS = 1_000;

export async function importDevices(settings: Settings, request: ImportRequest, output: Output): Promise<void> {
  const { file, newKeys, existing, dryRun } = request;
  const { text, mode } = read(file);
  const parsed = formatOf(request) === 'json' ? parseDevices(text, newKeys) : parseCsv(text, newKeys);
  try {
    checkMode(file, mode, parsed);
    await refuseRunning(settings);
    const registry = await openDatabase(dryRun ? forTrial(settings) : settings, { create: !dryRun });
    try {
      const faults = [...parsed.faults, ...conflicts(registry, parsed, existing)].sort((a, b) => a.at - b.at);
      if (faults.length > 0) throw refusal(file, faults, parsed);
      registry.on('progress', createProgress('devices'));
      const counts = await registry.importDevices(recordsOf(parsed), { existing, dryRun });
      if (settings.json) return await output.json({ ...counts, dryRun });
      const { added, replaced, skipped } = counts;
      await output.line(`${dryRun ? 'would import' : 'imported'}: ${added} added, ${replaced} replaced, ${skipped} left as they are${dryRun ? '; nothing was written' : ''}`);
    } finally {
      await registry.close();
    }
  } finally {
    for (const { keys } of parsed.devices) for (const { key } of keys) key?.fill(0);
  }
}

/** A database that does not exist is not made by a trial: it is as one in memory. */
function forTrial(settings: Settings): Settings {
  return isAbsent(settings) ? { ...settings, database: 'sqlite::memory:' } : settings;
}

function isAbsent({ database }: Settings): boolean {
  const place = parseDatabase(database);
  return place.kind === 'sqlite' && place.file !== undefined && !existsSync(place.file);
}

function formatOf({ file, format }: ImportRequest): 'csv' | 'json' {
  if (format !== undefined) return format;
  const suffix = /\.(csv|json)$/i.exec(file)?.[1]?.toLowerCase();
  if (suffix === 'csv' || suffix === 'json') return suffix;
  throw new TidelockError('INPUT_INVALID', { what: `the file ${file}`, problem: 'does not say by its name what it is', remedy: 'Say --format csv or --format json.' });
}

/** `-` is stdin. Throws INPUT_INVALID. */
function read(file: string): { text: string; mode: number } {
  const invalid = (problem: string, cause?: unknown): TidelockError =>
    new TidelockError('INPUT_INVALID', { what: file === '-' ? 'stdin' : `the file ${file}`, problem, remedy: 'Give a file of devices as `tidelock devices export` writes it.' }, { cause });
  let handle: number | undefined;
  try {
    handle = file === '-' ? undefined : openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = handle === undefined ? undefined : fstatSync(handle);
    if (status !== undefined && !status.isFile()) throw invalid('is no regular file');
    if (status !== undefined && status.size > LARGEST_FILE) throw invalid(`is larger than ${LARGEST_FILE} bytes`);
    const bytes = readFileSync(handle ?? 0);
    if (bytes.length > LARGEST_FILE) throw invalid(`is larger than ${LARGEST_FILE} bytes`);
    try {
      return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), mode: status?.mode ?? 0 };
    } finally {
      bytes.fill(0);
    }
  } catch (error) {
    if (error instanceof TidelockError) throw error;
    throw invalid(error instanceof TypeError ? 'is not UTF-8' : `cannot be read: ${reasonOf(error)}`, error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** A file with keys is a key file. Throws KEY_FILE_MODE. */
function checkMode(file: string, mode: number, { devices }: Parsed): void {
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  if (devices.some(({ keys }) => keys.some(({ key }) => key !== undefined))) {
    throw new TidelockError('KEY_FILE_MODE', { file, mode: `0${(mode & 0o777).toString(8)}` });
  }
}

/** Devices of the file that are there, where that is a fault. */
function conflicts(registry: Registry, { devices }: Parsed, existing: ImportRequest['existing']): FileFault[] {
  const faults: FileFault[] = [];
  for (const { identity, protocol, at } of devices) {
    const there = registry.protocol(identity);
    if (there === undefined || existing === 'skip') continue;
    if (existing === 'refuse') faults.push({ at, text: `${shown(identity)} exists already (--existing skip leaves it, --existing replace gives it these keys)` });
    else if (there !== protocol) faults.push({ at, text: `${shown(identity)} exists already, and speaks ${there}` });
  }
  return faults;
}

function refusal(file: string, faults: readonly FileFault[], { place }: Parsed): TidelockError {
  const lines = faults.slice(0, MOST_FAULTS).map(({ at, text }) => `\n  ${place(at)}: ${text}`);
  if (faults.length > MOST_FAULTS) lines.push(`\n  and ${faults.length - MOST_FAULTS} more`);
  return new TidelockError('IMPORT_INVALID', { count: faults.length === 1 ? 'one fault' : `${faults.length} faults`, file, faults: lines.join('') });
}

function recordsOf({ devices }: Parsed): DeviceRecord[] {
  return devices.map(({ identity, protocol, disabled, created, keys }) => ({
    identity, protocol, disabled, ...(created === undefined ? {} : { created }),
    keys: keys.map((entry) => {
      entry.key ??= randomFillSync(Buffer.alloc(32));
      return { keyId: entry.keyId, state: entry.state, key: entry.key, ...(entry.created === undefined ? {} : { created: entry.created }) };
    }),
  }));
}
