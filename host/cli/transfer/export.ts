/** `tidelock devices export`: to a file, as CSV or JSON; a file a device for ESP-IDF's NVS; or as QR codes. Keys only where they are asked for. */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { TidelockError } from '../../errors.js';
import type { DeviceRecord } from '../../registry/types.js';
import { refuseRunning } from '../access.js';
import { openDatabase } from '../database.js';
import { escapeText } from '../escape.js';
import type { Output } from '../output.js';
import type { Settings } from '../setting-types.js';
import { csvLines } from './csv.js';
import { jsonLines } from './json.js';
import { fileName, nvsCsv, provisionOf, provisionUri, type Provision } from './provision.js';
import { checkTerminal, qrLines } from './qr.js';
import { writeSecretFile } from './secret-file.js';

export interface ExportRequest {
  /** None: all. */
  identities: readonly string[];
  format: 'csv' | 'json' | 'nvs' | 'qr';
  withKeys: boolean;
  /** A new file; with nvs a folder. Undefined: stdout. */
  out: string | undefined;
  /** Keys may go to stdout. */
  stdout: boolean;
  /** A QR code may go where no terminal is. */
  force: boolean;
  url: string | undefined;
  pins: readonly string[];
}

export async function exportDevices(settings: Settings, request: ExportRequest, output: Output): Promise<void> {
  checkRequest(request);
  await refuseRunning(settings);
  const registry = await openDatabase(settings, { create: false });
  let all: DeviceRecord[] = [];
  try {
    all = await registry.exportDevices({ keys: request.withKeys });
    await write(chosen(all, request.identities), request, settings, output);
  } finally {
    for (const { keys } of all) for (const { key } of keys) key?.fill(0);
    await registry.close();
  }
}

function checkRequest({ format, withKeys, out, stdout, force, url, pins }: ExportRequest): void {
  const wrong = (what: string, problem: string, remedy: string): TidelockError => new TidelockError('INPUT_INVALID', { what, problem, remedy });
  if ((format === 'nvs' || format === 'qr') && !withKeys) throw wrong(`the format ${format}`, 'is made of keys', 'Say --with-keys where they may leave the database.');
  if (format === 'nvs' && out === undefined) throw wrong('the format nvs', 'is a file a device', 'Name a folder for them with --out.');
  if (format === 'qr') {
    if (out !== undefined) throw wrong('the format qr', 'is for a terminal', 'Leave --out away.');
    checkTerminal(force);
  }
  if (withKeys && out === undefined && !stdout) throw wrong('an export with keys', 'would be printed', 'Name a new file with --out; it is made for its owner alone. Where they are to be printed all the same, say --stdout.');
  if ((url !== undefined || pins.length > 0) && format !== 'nvs' && format !== 'qr') throw wrong('--url or --pin', `is of no use in the format ${format}`, 'They are for nvs and qr.');
}

/** Throws DEVICE_UNKNOWN. */
function chosen(all: readonly DeviceRecord[], identities: readonly string[]): readonly DeviceRecord[] {
  if (identities.length === 0) return all;
  const known = new Map(all.map((record) => [record.identity, record]));
  return identities.map((identity) => {
    const record = known.get(identity);
    if (record === undefined) throw new TidelockError('DEVICE_UNKNOWN', { identity: escapeText(identity) });
    return record;
  });
}

async function write(records: readonly DeviceRecord[], request: ExportRequest, { json }: Settings, output: Output): Promise<void> {
  const { format, withKeys, out } = request;
  if (format === 'csv' || format === 'json') {
    const lines = format === 'csv' ? csvLines(records, withKeys) : jsonLines(records, withKeys);
    if (out === undefined) {
      for (const line of lines) await output.line(line);
      return;
    }
    writeSecretFile(out, ends(lines));
    return json ? output.json({ file: out, devices: records.length, keys: withKeys }) : output.line(`${records.length} devices are in ${escapeText(out)}, ${withKeys ? 'with their keys' : 'without their keys'}`);
  }
  const provisions = records.map((record) => provisionOf(record, request.url, request.pins));
  for (const [i, record] of records.entries()) {
    if (provisions[i] === undefined) process.stderr.write(`tidelock: ${escapeText(record.identity)} is left out: it has no key, or speaks IoTSocket\n`);
  }
  const there = provisions.filter((provision) => provision !== undefined);
  if (format === 'qr') return showQr(there, output);
  writeFolder(out!, there);
  await (json ? output.json({ folder: out, devices: there.length }) : output.line(`${there.length} files for nvs_partition_gen are in ${escapeText(out!)}`));
}

function* ends(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}

export async function showQr(provisions: readonly Provision[], output: Output): Promise<void> {
  for (const provision of provisions) {
    if (provisions.length > 1) await output.line(escapeText(provision.identity));
    for (const line of qrLines(provisionUri(provision), process.stdout.isTTY === true)) await output.line(line);
  }
}

/** All files, or none. */
function writeFolder(folder: string, provisions: readonly Provision[]): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  try {
    for (const provision of provisions) {
      const file = path.join(folder, fileName(provision.identity, '.csv'));
      writeSecretFile(file, [nvsCsv(provision)]);
      written.push(file);
    }
  } catch (error) {
    for (const file of written) rmSync(file, { force: true });
    throw error;
  }
}
