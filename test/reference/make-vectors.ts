// Writes test/vectors/tidelock-1.json:  node --import tsx test/reference/make-vectors.ts

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { vectorsText } from './vectors.js';

const path = fileURLToPath(new URL('../vectors/tidelock-1.json', import.meta.url));
const text = vectorsText();
writeFileSync(path, text);
console.log(`${path}: ${text.length} bytes`);
