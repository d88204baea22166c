// Writes test/vectors/tidelock-1.json and the appendix of docs/protocol.md:
//   node --import tsx test/reference/make-vectors.ts

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withAppendix } from './appendix.js';
import { vectorsText } from './vectors.js';

function write(path: string, text: string): void {
  writeFileSync(path, text);
  console.log(`${path}: ${text.length} characters`);
}

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const protocol = file('../../docs/protocol.md');
write(file('../vectors/tidelock-1.json'), vectorsText());
write(protocol, withAppendix(readFileSync(protocol, 'utf8')));
