/** `tidelock devices`: add, list, disable, enable. */
import type { DeviceEntry, Registry } from '../registry/types.js';
import type { ListedDevice } from './control/protocol.js';
import { reach } from './access.js';
import { escapeText } from './escape.js';
import { NewKeyFile, readKeyFile } from './key-file.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';
import { table } from './table.js';

export interface KeyFiles {
  /** Where a new key is written. */
  keyFile: string | undefined;
  /** Where a key comes from that exists already. */
  importKeyFile: string | undefined;
}

/** What a QR code says beside identity and key; undefined: none is shown. */
export interface QrRequest {
  url: string | undefined;
  pins: readonly string[];
  force: boolean;
}

export async function addDevice(settings: Settings, identity: string, files: KeyFiles, qr: QrRequest | undefined, output: Output): Promise<void> {
  if (qr !== undefined) (await import('./transfer/qr.js')).checkTerminal(qr.force); // before there is a key that nobody would see
  const given = files.importKeyFile === undefined ? undefined : readKeyFile(files.importKeyFile);
  const target = files.keyFile === undefined ? undefined : new NewKeyFile(files.keyFile);
  let key: Buffer | undefined;
  try {
    key = await reach(settings, true, {
      gateway: async (client) => {
        const encoded = given === undefined ? {} : { key: given.toString('base64') };
        return Buffer.from((await client.call('devices.add', { identity, ...encoded })).key, 'base64');
      },
      database: async (registry) => Buffer.from(await registry.add(identity, given === undefined ? {} : { key: given })),
    });
    target?.write(key);
    await tellAdded(settings, identity, files, key, qr, output);
  } finally {
    given?.fill(0);
    key?.fill(0);
    target?.discard();
  }
}

async function tellAdded({ json }: Settings, identity: string, files: KeyFiles, key: Buffer, qr: QrRequest | undefined, output: Output): Promise<void> {
  const printed = files.keyFile === undefined && files.importKeyFile === undefined;
  if (json) {
    const shown = printed ? { key: key.toString('hex') } : files.keyFile === undefined ? {} : { keyFile: files.keyFile };
    return output.json({ identity, ...shown });
  }
  const name = escapeText(identity);
  if (qr !== undefined) {
    process.stderr.write(`tidelock: added ${name}. This code has its key, and is shown this once; see that nobody takes a picture of it:\n`);
    const { showQr } = await import('./transfer/export.js');
    return showQr([{ identity, keyId: 0, key, url: qr.url, pins: qr.pins }], output);
  }
  if (printed) {
    process.stderr.write(`tidelock: added ${name}. This is its key, shown this once; keep it in a file of mode 0600:\n`);
    return output.line(key.toString('hex'));
  }
  return output.line(files.keyFile === undefined ? `added ${name}` : `added ${name}, its key is in ${escapeText(files.keyFile)}`);
}

export async function listDevices(settings: Settings, output: Output): Promise<void> {
  const rows: ListedDevice[] = [];
  // People get a table, whose columns need all rows; programs get each row as it comes.
  const written: Promise<void>[] = [];
  const take = (row: ListedDevice): void => {
    if (settings.json) written.push(output.json(forPrograms(row)));
    else rows.push(row);
  };
  await reach<void>(settings, false, {
    gateway: async (client) => void (await client.call('devices.list', {}, take)),
    database: async (registry) => {
      for await (const entry of allDevices(registry)) take(listed(entry, undefined));
    },
  });
  await Promise.all(written);
  if (settings.json) return;
  if (rows.length === 0) process.stderr.write('tidelock: no devices yet; add one with `tidelock devices add <ID>`.\n');
  for (const line of lines(rows)) await output.line(line);
}

/** Every device, a page at a time. */
export async function* allDevices(registry: Registry): AsyncGenerator<DeviceEntry> {
  for (let after: string | undefined; ; ) {
    const page = await registry.list(after === undefined ? {} : { after });
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1)!.identity;
  }
}

/** `session`: undefined where no gateway runs, null where the device is not connected. */
export function listed(entry: DeviceEntry, session: { address: string; since: number } | null | undefined): ListedDevice {
  const { identity, disabled, created, since, queued, inbox } = entry;
  return {
    identity,
    enabled: !disabled,
    added: created,
    queued,
    inbox,
    ...(since === undefined ? {} : { lastSession: since }),
    ...(session === undefined ? {} : session === null ? { online: false } : { online: true, address: session.address }),
  };
}

function forPrograms({ added, lastSession, ...rest }: ListedDevice): object {
  return { ...rest, added: instant(added), ...(lastSession === undefined ? {} : { lastSession: instant(lastSession) }) };
}

function instant(unix: number): string {
  return new Date(unix).toISOString();
}

function lines(rows: readonly ListedDevice[]): string[] {
  const cells = rows.map((row) => [
    escapeText(row.identity),
    row.enabled ? 'enabled' : 'disabled',
    row.online === undefined ? '-' : row.online ? `online from ${row.address ?? '?'}` : 'offline',
    row.lastSession === undefined ? 'never' : instant(row.lastSession),
    String(row.queued),
    String(row.inbox),
  ]);
  return table(['DEVICE', 'ACCESS', 'CONNECTION', 'LAST SESSION', 'QUEUED', 'INBOX'], cells);
}

export async function switchDevice(settings: Settings, word: 'disable' | 'enable', identity: string, output: Output): Promise<void> {
  const { changed, closed } = await reach<{ changed: boolean; closed: boolean }>(settings, false, {
    gateway: (client) => client.call(`devices.${word}`, { identity }),
    database: async (registry) => ({ changed: await registry[word](identity), closed: false }),
  });
  if (settings.json) return output.json({ identity, enabled: word === 'enable', changed, ...(word === 'disable' ? { closed } : {}) });
  const already = changed ? '' : ' (it was already)';
  await output.line(`${word}d ${escapeText(identity)}${already}${closed ? ', its session was closed' : ''}`);
}
