/** `tidelock keygen`: 32 random bytes in a new file. */
import { randomBytes } from 'node:crypto';
import { NewKeyFile } from './key-file.js';
import type { Output } from './output.js';

export async function keygen(file: string, output: Output, json: boolean): Promise<void> {
  const target = new NewKeyFile(file);
  const key = randomBytes(32);
  target.write(key);
  key.fill(0);
  if (json) await output.json({ file });
  else await output.line(`wrote a new key to ${file}`);
}
