/** Pins: the SHA-256 of a certificate's SubjectPublicKeyInfo, as `sha256/` and base64 (RFC 7469 2.4, without its quotes). */
import { createHash, type KeyObject } from 'node:crypto';
import { badOption } from '../../options.js';

export const LARGEST_PINS = 16;

export function pinOf(publicKey: KeyObject): string {
  return `sha256/${createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64')}`;
}

/** The pin in its one form; curl's `sha256//` is taken too. Throws BAD_OPTION. */
export function checkPin(option: string, pin: string): string {
  const [, text] = /^sha256\/{1,2}([A-Za-z0-9+/]{43}=)$/.exec(pin) ?? [];
  if (text === undefined || Buffer.from(text, 'base64').toString('base64') !== text) {
    throw badOption(option, pin, 'a pin is sha256/ and 44 characters of base64, as `tidelock cert` prints it');
  }
  return `sha256/${text}`;
}
