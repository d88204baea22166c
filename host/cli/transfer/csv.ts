/** Devices as CSV (RFC 4180): one line a key, the first line has the names of the columns. */
import { parse, type CsvError } from 'csv-parse/sync';
import type { DeviceRecord } from '../../registry/types.js';
import { checkKeys, readDevice, readKey, shown, type FileFault, type Parsed, type ParsedDevice } from './parsed.js';

export const COLUMNS = ['identity', 'protocol', 'access', 'added', 'key_id', 'state', 'made', 'key'] as const;
type Column = (typeof COLUMNS)[number];
type Row = Partial<Record<Column, string>>;

/** A place is the number of a line. */
export function parseCsv(text: string, mayLack: boolean): Parsed {
  const faults: FileFault[] = [];
  const fault = (at: number, text: string): void => void faults.push({ at, text });
  const records = parse(text, {
    bom: true, info: true, relax_column_count: true, skip_empty_lines: true, skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      fault(Number(error?.['lines'] ?? 0), 'a quotation mark stands where none may stand');
      return undefined;
    },
  }) as unknown as { record: string[]; info: { lines: number } }[];
  const devices = new Map<string, ParsedDevice>();
  const [head, ...rows] = records;
  const columns = head?.record ?? [];
  if (!columns.includes('identity')) fault(head?.info.lines ?? 1, `the first line must name the columns, identity and others of ${COLUMNS.join(', ')}`);
  else {
    for (const name of columns) if (!COLUMNS.includes(name as Column)) fault(head!.info.lines, `the column ${shown(name)} is unknown; known: ${COLUMNS.join(', ')}`);
    if (new Set(columns).size < columns.length) fault(head!.info.lines, 'a column is there twice');
    for (const { record, info } of rows) {
      if (record.length !== columns.length) fault(info.lines, `has ${record.length} values for ${columns.length} columns`);
      else readRow(Object.fromEntries(columns.map((name, i) => [name, record[i]!])), info.lines, mayLack, devices, (text) => fault(info.lines, text));
    }
  }
  for (const device of devices.values()) checkKeys(device, (text) => fault(device.at, text));
  return { devices: [...devices.values()], faults, place: (line) => `line ${line}` };
}

function readRow(row: Row, line: number, mayLack: boolean, devices: Map<string, ParsedDevice>, tell: (text: string) => void): void {
  const device = readDevice({ identity: row.identity, protocol: row.protocol, access: row.access, added: row.added }, line, tell);
  const key = readKey({ keyId: row.key_id, state: row.state, made: row.made, key: row.key }, mayLack, tell);
  if (device === undefined) return;
  const first = devices.get(device.identity);
  if (first === undefined) devices.set(device.identity, device);
  else if (first.protocol !== device.protocol || first.disabled !== device.disabled || first.created !== device.created) {
    tell(`${shown(device.identity)} has another protocol, access or time in line ${first.at}`);
  } else if (key === 'none' || first.keys.length === 0) return tell(`${shown(device.identity)} is there already, in line ${first.at}`);
  if (key !== undefined && key !== 'none') (first ?? device).keys.push(key);
}

/** Lines, the first with the names. Without keys their column is left out. */
export function* csvLines(records: readonly DeviceRecord[], withKeys: boolean): Generator<string> {
  const columns = withKeys ? COLUMNS : COLUMNS.filter((name) => name !== 'key');
  yield columns.join(',');
  for (const { identity, protocol, disabled, created, keys } of records) {
    const device = { identity, protocol, access: disabled ? 'disabled' : 'enabled', added: instant(created) };
    if (keys.length === 0) yield line(columns, { ...device, state: 'none' });
    for (const { keyId, state, created: made, key } of keys) {
      yield line(columns, { ...device, key_id: String(keyId), state, made: instant(made), ...(key === undefined ? {} : { key: Buffer.from(key).toString('hex') }) });
    }
  }
}

function line(columns: readonly Column[], row: Row): string {
  return columns.map((name) => quoted(row[name] ?? '')).join(',');
}

/** In quotation marks where it must be; an identity holds no line end. Also used for what the tool of ESP-IDF reads. */
export function quoted(value: string): string {
  return /[",]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

export function instant(time: number | undefined): string {
  return time === undefined ? '' : new Date(time).toISOString();
}
