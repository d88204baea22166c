/** `tidelock devices add --iotsocket`: a device that speaks IoTSocket. Its key is text, and only a digest of it is stored. */
import { randomBytes } from 'node:crypto';
import { iotsocketKey } from '../legacy/iotsocket/key.js';
import { reach } from './access.js';
import type { KeyFiles } from './devices.js';
import { escapeText } from './escape.js';
import { NewKeyFile, readSecret } from './key-file.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';

/** The longest key, and a line end. */
const LARGEST_FILE = 130;
/** 24 characters of base64url: as hard to guess as 144 random bits are. */
const KEY_BYTES = 18;

export async function addIotsocketDevice(settings: Settings, identity: string, files: KeyFiles, output: Output): Promise<void> {
  const key = files.importKeyFile === undefined ? randomBytes(KEY_BYTES).toString('base64url') : readText(files.importKeyFile);
  const digest = Buffer.from(iotsocketKey(identity, key));
  const target = files.keyFile === undefined ? undefined : new NewKeyFile(files.keyFile);
  try {
    await reach<void>(settings, true, {
      gateway: async (client) => void (await client.call('devices.add', { identity, key: digest.toString('base64'), protocol: 'iotsocket' })),
      database: async (registry) => void (await registry.add(identity, { key: digest, protocol: 'iotsocket' })),
    });
    target?.writeText(`${key}\n`);
  } finally {
    target?.discard();
  }
  const printed = files.keyFile === undefined && files.importKeyFile === undefined;
  if (settings.json) return output.json({ identity, protocol: 'iotsocket', ...(printed ? { key } : files.keyFile === undefined ? {} : { keyFile: files.keyFile }) });
  if (printed) {
    process.stderr.write(`tidelock: added ${escapeText(identity)}. This is its key, shown this once; IoTSocket sends it in every frame:\n`);
    return output.line(key);
  }
  return output.line(files.keyFile === undefined ? `added ${identity}` : `added ${identity}, its key is in ${escapeText(files.keyFile)}`);
}

function readText(file: string): string {
  const bytes = readSecret(file, LARGEST_FILE + 1);
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  bytes.fill(0);
  return text;
}
