/** A certificate and its key, both in PEM: whether they can be used, and belong together. */
import { constants, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { TidelockError } from '../../errors.js';
import { pinOf } from './pin.js';

export const LEAST_TLS = 'TLSv1.2';
const NO_CERTIFICATE = 'holds no certificate';

/** What an operator wants to know of a certificate. */
export interface CertificateFacts {
  readonly pin: string;
  /** As X.509 writes subject alternative names; empty where there are none. */
  readonly names: string;
  /** Unix ms. */
  readonly from: number;
  readonly until: number;
}

export interface Pair extends CertificateFacts {
  readonly context: SecureContext;
}

/** Names are those of files, or of options. Throws CERTIFICATE_INVALID. */
export function checkPair(cert: string | Buffer, certName: string, pem: string | Buffer, keyName: string): Pair {
  const leaf = parse(() => new X509Certificate(cert), certName, NO_CERTIFICATE, 'Give a file in PEM that begins with the certificate of the gateway.');
  const key: KeyObject = parse(() => createPrivateKey(pem), keyName, 'holds no private key that can be read', 'Give the key in PEM, without a passphrase.');
  if (!leaf.checkPrivateKey(key)) {
    throw new TidelockError('CERTIFICATE_INVALID', {
      file: certName, problem: `is of another key than ${keyName}`, remedy: 'Give the certificate and the key that were made together.',
    });
  }
  const context = parse(
    // Renegotiation lets a stranger ask for one expensive handshake after the other (RFC 9325 3.5).
    () => createSecureContext({ cert, key: pem, minVersion: LEAST_TLS, honorCipherOrder: true, secureOptions: constants.SSL_OP_NO_RENEGOTIATION }),
    certName, 'is not taken by TLS', 'See the reason; keys of RSA need 2,048 bits or more.',
  );
  return {
    context, pin: pinOf(leaf.publicKey), names: leaf.subjectAltName ?? '', from: Date.parse(leaf.validFrom), until: Date.parse(leaf.validTo),
  };
}

/** Certificates of authorities: TLS takes a text without any, and trusts nobody then. Throws CERTIFICATE_INVALID. */
export function checkAuthorities(ca: string | Buffer, name: string): void {
  parse(() => new X509Certificate(ca), name, NO_CERTIFICATE, 'Give the certificates of the authorities to trust, in PEM.');
}

function parse<T>(run: () => T, file: string, problem: string, remedy: string): T {
  try {
    return run();
  } catch (cause) {
    throw new TidelockError('CERTIFICATE_INVALID', { file, problem: `${problem} (${(cause as Error).message})`, remedy }, { cause });
  }
}
