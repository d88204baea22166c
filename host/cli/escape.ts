/**
 * Text from a device, made safe for a terminal. A terminal obeys what it is shown: ESC sequences move the cursor, change
 * the title, on some even type for the user, and bidirectional marks reorder what is read. So only what shows as itself
 * is written as itself. The form is reversible: a backslash is always doubled.
 *
 *   \n \r \t       line ends and tabs
 *   \x1b           a control character below U+0080, and, in bytes that are not UTF-8, a byte of 0x80 or more
 *   \u{202e}       any other character that is not shown as itself
 */

/**
 * Controls (Cc: C0, DEL, C1), formats and what is never seen (Cf and Default_Ignorable: bidirectional marks, tags,
 * fillers), private use, line and paragraph separators, lone surrogates. Kept are U+200C, U+200D and the variation
 * selectors U+FE00 to U+FE0F: scripts of India and Persia, and emoji, are written with them.
 */
const HIDDEN = String.raw`\p{Cc}\p{Co}\p{Cs}\p{Zl}\p{Zp}]|(?!\u200c|\u200d|[\ufe00-\ufe0f])[\p{Cf}\p{Default_Ignorable_Code_Point}]`;
const UNSAFE = new RegExp(String.raw`[\\${HIDDEN}`, 'gu');
/** Outside of strings JSON holds none of these but the line's own end. */
const UNSAFE_IN_JSON = new RegExp(String.raw`(?!\n)[${HIDDEN}`, 'gu');

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function escapeCharacter(character: string): string {
  switch (character) {
    case '\\':
      return '\\\\';
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    default: {
      const code = character.codePointAt(0)!;
      return code < 0x80 ? `\\x${hex2(code)}` : `\\u{${code.toString(16)}}`;
    }
  }
}

function hex2(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** One line, whatever the text holds. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** The text of `body`, or undefined where it is not UTF-8. */
export function decodeText(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

/** One line, whatever the bytes are. */
export function escapeBytes(body: Uint8Array): string {
  const text = decodeText(body);
  if (text !== undefined) return escapeText(text);
  let line = '';
  for (const byte of body) {
    if (byte >= 0x80) line += `\\x${hex2(byte)}`;
    else line += escapeText(String.fromCharCode(byte));
  }
  return line;
}

/**
 * One line of JSON that is safe to show. JSON.stringify escapes what lies below U+0020, but leaves DEL, the C1 controls
 * (U+009B alone begins a sequence) and bidirectional marks; inside JSON all of them may be written as \uXXXX.
 */
export function safeJson(value: unknown): string {
  return safeJsonText(JSON.stringify(value));
}

/** The same for a line that is JSON already. */
export function safeJsonText(json: string): string {
  return json.replace(UNSAFE_IN_JSON, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
