/**
 * A key of a device as it rests in the database where there is a master key: AES-256-GCM under a key that HKDF-SHA-256 draws from the
 * master key and the database's salt (RFC 5869), with a fresh nonce each time. Identity and key id are authenticated with it, so
 * that a row opens nothing in the place of another.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomFillSync, timingSafeEqual } from 'node:crypto';

export const KEY_BYTES = 32;
export const SALT_BYTES = 16;

/** The first byte of a wrapped key: how the rest is made. form ‖ nonce ‖ encrypted key ‖ tag. */
const FORM = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_AT = 1 + NONCE_BYTES;
const TAG_AT = KEY_AT + KEY_BYTES;
export const WRAPPED_BYTES = TAG_AT + TAG_BYTES;

export class Wrapper {
  readonly salt: Uint8Array;
  /** Tells the right master key from a wrong one, and nothing else about it. */
  readonly check: Uint8Array;
  readonly #key: Uint8Array;

  constructor(master: Uint8Array, salt: Uint8Array = randomFillSync(new Uint8Array(SALT_BYTES))) {
    this.salt = salt;
    this.check = new Uint8Array(hkdfSync('sha256', master, salt, 'tidelock registry 1 check', 16));
    this.#key = new Uint8Array(hkdfSync('sha256', master, salt, 'tidelock registry 1 wrap', 32));
  }

  fits(check: Uint8Array): boolean {
    return check.length === this.check.length && timingSafeEqual(check, this.check);
  }

  wrap(identity: string, keyId: number, key: Uint8Array): Uint8Array {
    const wrapped = new Uint8Array(WRAPPED_BYTES);
    wrapped[0] = FORM;
    const nonce = randomFillSync(wrapped.subarray(1, KEY_AT));
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(binding(identity, keyId));
    wrapped.set(cipher.update(key), KEY_AT);
    cipher.final();
    wrapped.set(cipher.getAuthTag(), TAG_AT);
    return wrapped;
  }

  /** The 32 bytes. Undefined: it is none of ours, of another row, or was changed. */
  unwrap(identity: string, keyId: number, wrapped: Uint8Array): Uint8Array | undefined {
    if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== FORM) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, wrapped.subarray(1, KEY_AT), { authTagLength: TAG_BYTES })
      .setAAD(binding(identity, keyId)).setAuthTag(wrapped.subarray(TAG_AT));
    const key = decipher.update(wrapped.subarray(KEY_AT, TAG_AT));
    try {
      decipher.final();
      return key;
    } catch {
      key.fill(0);
      return undefined;
    }
  }

  wipe(): void {
    this.#key.fill(0);
  }
}

/** Form and key id have one byte each, so no two rows give the same bytes. */
function binding(identity: string, keyId: number): Buffer {
  return Buffer.concat([Buffer.from([FORM, keyId]), Buffer.from(identity, 'utf8')]);
}
