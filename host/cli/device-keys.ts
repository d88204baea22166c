/** `tidelock devices keys`, `rotate`, `retire`, `revoke`. */
import { reach } from './access.js';
import { escapeText } from './escape.js';
import { NewKeyFile } from './key-file.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';

export async function listKeys(settings: Settings, identity: string, output: Output): Promise<void> {
  const keys = await reach(settings, false, {
    gateway: async (client) => (await client.call('devices.keys', { identity })).keys,
    database: (registry) => registry.keys(identity),
  });
  for (const { keyId, state, created, used } of keys) {
    const times = { created: new Date(created).toISOString(), ...(used === undefined ? {} : { used: new Date(used).toISOString() }) };
    if (settings.json) await output.json({ identity, keyId, state, ...times });
    else await output.line(`${String(keyId).padStart(3)}  ${state.padEnd(7)}  made ${times.created}  ${times.used === undefined ? 'never used' : `used ${times.used}`}`);
  }
}

/** The file is claimed first: a key that is made and cannot be written would be lost. */
export async function rotateKey(settings: Settings, identity: string, file: string, output: Output): Promise<void> {
  const target = new NewKeyFile(file);
  let key: Buffer | undefined;
  try {
    const made = await reach(settings, false, {
      gateway: async (client) => {
        const { keyId, key } = await client.call('devices.rotate', { identity });
        return { keyId, key: Buffer.from(key, 'base64') };
      },
      database: async (registry) => {
        const { keyId, key } = await registry.rotate(identity);
        return { keyId, key: Buffer.from(key.buffer, key.byteOffset, key.length) };
      },
    });
    key = made.key;
    target.write(key);
    if (settings.json) return await output.json({ identity, keyId: made.keyId, keyFile: file });
    await output.line(`key ${made.keyId} of ${escapeText(identity)} is in ${escapeText(file)}; the old one opens until it is retired, or was not used for 7 days`);
  } finally {
    key?.fill(0);
    target.discard();
  }
}

export async function endKey(settings: Settings, word: 'retire' | 'revoke', identity: string, keyId: number, output: Output): Promise<void> {
  const { changed } = await reach<{ changed: boolean }>(settings, false, {
    gateway: (client) => client.call(`devices.${word}`, { identity, keyId }),
    database: async (registry) => ({ changed: await registry[word](identity, keyId) }),
  });
  if (settings.json) return output.json({ identity, keyId, state: `${word}d`, changed });
  await output.line(`${word}d key ${keyId} of ${escapeText(identity)}${changed ? '' : ' (it had ended)'}`);
}
