/** Base64 from outside. Buffer.from takes anything and leaves out what it does not know; a body must not change that way. */

/** Undefined where `text` is no base64. */
export function decodeBase64(text: unknown): Buffer | undefined {
  return typeof text === 'string' && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}
