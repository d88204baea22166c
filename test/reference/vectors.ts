// All test vectors as one text: the same bytes on every run.

import { discovery } from './vectors-discovery.js';
import { frames } from './vectors-frame.js';
import { derived, handshakes } from './vectors-handshake.js';
import { numbers } from './vectors-numbers.js';
import { refused } from './vectors-refused.js';

const NOTE =
  'Test vectors of Tidelock/1, made by test/reference/make-vectors.ts. Bytes are hex, 64-bit numbers are decimal strings, ' +
  'times are session ms. Byte i of a body that is not written out (bodyBytes, bodyHead) is i mod 251, counted behind id and age.';

/** JSON with every item of a list in one line, so that a change shows as what it is. */
function write(value: unknown, indent = ''): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => inner + JSON.stringify(item)).join(',\n')}\n${indent}]`;
  }
  if (value && typeof value === 'object') {
    const fields = Object.entries(value).map(([name, field]) => `${inner}${JSON.stringify(name)}: ${write(field, inner)}`);
    return `{\n${fields.join(',\n')}\n${indent}}`;
  }
  return JSON.stringify(value);
}

/** What test/vectors/tidelock-1.json must hold. */
export function vectorsText(): string {
  return `${write({
    protocol: 'Tidelock/1',
    note: NOTE,
    numbers: numbers(),
    derived: derived(),
    handshakes: handshakes.map(({ json }) => json),
    frames: frames(),
    refused: refused(),
    discovery: discovery(),
  })}\n`;
}
