/** Bodies that no frame of IoTSocket can carry. */
import * as abi from '../../../assembly/abi.js';
import { TidelockError } from '../../errors.js';

/** The error for a status of `send`, where its body is at fault; undefined where it is not. */
export function bodyError(status: number, bytes: number, tls: boolean): TidelockError | undefined {
  switch (status) {
    case abi.E_TOO_LONG:
      return new TidelockError('IOTSOCKET_BODY', { problem: `is too long (${bytes} bytes; ${tls ? 'a whole frame has at most 16,384 bytes inside TLS' : 'a frame holds 59,999 characters in 65,535 bytes'})` });
    case abi.E_TOO_SHORT:
      return new TidelockError('IOTSOCKET_BODY', { problem: 'has fewer than six characters, white space at its ends not counted' });
    case abi.E_TEXT:
      return new TidelockError('IOTSOCKET_BODY', { problem: 'is not UTF-8' });
    case abi.E_DELIMITER:
      return new TidelockError('IOTSOCKET_BODY', { problem: 'holds |#|, or ends with |#, which would end the frame early' });
    default:
      return undefined;
  }
}

export function bodyBytes(body: string | Uint8Array): Uint8Array {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw new TypeError('a body must be a string or a Uint8Array');
  return typeof body === 'string' ? Buffer.from(body, 'utf8') : Uint8Array.from(body);
}
