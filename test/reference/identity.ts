// What may be an identity: `id` or `realm/id`.

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

export function isIdentity(bytes: Uint8Array): boolean {
  if (bytes.length < 1 || bytes.length > 64) return false;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return false;
  }
  const parts = text.split('/');
  return parts.length <= 2 && parts.every((part) => part !== '' && part !== '-' && !/^\$|[+#]/.test(part) && !CONTROL.test(part));
}
