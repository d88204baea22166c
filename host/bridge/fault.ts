/** Why there is no connection to the broker, for people: TLS's own words name a line of OpenSSL's source, and not what to do. */

export interface Fault {
  readonly reason: string;
  /** Empty: the reason says all that is known. */
  readonly remedy: string;
}

const UNTRUSTED = new Set(['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']);

/** What the broker says of a certificate that it was shown (RFC 8446 6.2), as Node names it. */
const REFUSED: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know its authority',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it is not valid',
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 'it is not one for a client',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'it is revoked',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'it has expired',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'no reason is told',
};

const GIVE = 'give one that the broker knows, with its key (--mqtt-cert and --mqtt-key, `cert` and `key`)';

/** `own`: the gateway has shown a certificate of its own. */
export function faultOf(error: unknown, own: boolean): Fault {
  const { code = '', reason } = error as { code?: unknown; reason?: unknown };
  const name = String(code);
  if (name === 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED') return { reason: 'the broker requires a certificate of the gateway', remedy: GIVE };
  // TLS 1.2 has no word of its own for it.
  if (name === 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE' && !own) return { reason: 'the broker refuses TLS with the gateway', remedy: `where it requires a certificate, ${GIVE}` };
  if (own && name in REFUSED) return { reason: `the broker refuses the certificate of the gateway: ${REFUSED[name]!}`, remedy: GIVE };
  const text = textOf(error);
  if (UNTRUSTED.has(name)) return { reason: `the certificate of the broker is not trusted: ${text}`, remedy: 'give the certificate of its authority (--mqtt-ca, `ca`)' };
  if (name === 'ERR_TLS_CERT_ALTNAME_INVALID') return { reason: text, remedy: 'use a name that stands in the certificate of the broker' };
  // The message of an OpenSSL error holds its place in OpenSSL's source.
  return { reason: name.startsWith('ERR_SSL_') && typeof reason === 'string' ? `TLS failed: ${reason}` : text, remedy: '' };
}

/** Node gives a connection that failed at several addresses a text for each of them, and none of its own. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(textOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
