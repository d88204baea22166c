/** What a registry stores of a key of this protocol. */
import { IotsocketCore } from '../../core/index.js';
import { TidelockError } from '../../errors.js';

const ID = /^[0-9]{10}$/;
let core: IotsocketCore | undefined;

/**
 * The 32 bytes by which a gateway knows the key again, for `registry.add(identity, { protocol: 'iotsocket', key })`: a
 * SHA-256 of identity and key. Throws BAD_IDENTITY, BAD_KEY.
 */
export function iotsocketKey(identity: string, key: string): Uint8Array {
  checkIotsocketId(identity);
  core ??= new IotsocketCore();
  const digest = core.digest(identity, key);
  if (digest === undefined) throw new TidelockError('BAD_KEY', { of: identity, problem: 'is no key of IoTSocket (1 to 128 bytes of text without colon, line end, |#|, or white space at its ends)' });
  return digest;
}

/** Throws BAD_IDENTITY. */
export function checkIotsocketId(identity: string): void {
  if (typeof identity === 'string' && ID.test(identity)) return;
  throw new TidelockError('BAD_IDENTITY', { identity: JSON.stringify(identity) ?? 'undefined', problem: 'is not ten digits, as IoTSocket has them' });
}
