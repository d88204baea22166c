/** The device's side of TLS: nothing leaves before the gateway's certificate was verified. */
import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { TidelockError } from '../../errors.js';
import { formatAddress, type Address } from '../address.js';
import type { Link, LinkOwner, LinkTotals } from '../link.js';
import { StreamLink, WRITE_MARK } from '../stream-link.js';
import { tcpError } from '../tcp.js';
import { pinOf } from './pin.js';
import { ALPN, LEAST_TLS } from './server.js';

/** Whom a device believes. Without pins: the authorities. With pins: the pinned keys, and the authorities only where `ca` is given. */
export interface TlsTrust {
  /** PEM of the authorities in place of those that Node knows; `'system'`: those, where pins are given too. */
  readonly ca: string | Buffer | undefined;
  readonly pins: readonly string[];
  /** The name in the certificate where it is not the address's host. */
  readonly servername: string | undefined;
  /** An older protocol is spoken inside, which knows nothing of ALPN. */
  readonly older?: boolean;
}

export const TRUST_AUTHORITIES: TlsTrust = { ca: undefined, pins: [], servername: undefined };

/** `opened` is called once the certificate was verified; `owner.linkGone` where it was not, or there is no connection. */
export function connectTls(address: Address, trust: TlsTrust, owner: LinkOwner, totals: LinkTotals, opened: () => void): Link {
  const { ca, pins, servername, older = false } = trust;
  // `allowHalfOpen` and `highWaterMark` are Node's, though its types do not have them.
  const options: ConnectionOptions & { allowHalfOpen: boolean; highWaterMark: number } = {
    host: address.host,
    port: address.port,
    allowHalfOpen: true,
    highWaterMark: WRITE_MARK,
    servername: servername ?? (isIP(address.host) === 0 ? address.host : ''), // RFC 6066 3: no literal address
    ...(older ? {} : { ALPNProtocols: [ALPN] }),
    minVersion: LEAST_TLS,
    ...(ca === undefined || ca === 'system' ? {} : { ca }),
    // The pinned key stands for the gateway: whoever signed its certificate, and for which name and time, says no more than that.
    rejectUnauthorized: pins.length === 0 || ca !== undefined,
  };
  const socket = connect(options);
  socket.once('secureConnect', () => {
    const refused = refusal(address, pins, older, socket);
    if (refused === undefined) opened();
    else socket.destroy(refused);
  });
  const link = new StreamLink(socket, 'tls', totals);
  link.owner = owner;
  return link;
}

/** What TLS itself does not check. */
function refusal(address: Address, pins: readonly string[], older: boolean, socket: TLSSocket): TidelockError | undefined {
  const where = formatAddress(address);
  if (pins.length > 0) {
    const key = socket.getPeerX509Certificate()?.publicKey;
    const found = key === undefined ? 'unknown' : pinOf(key);
    if (!pins.includes(found)) return new TidelockError('CERTIFICATE_PIN', { address: where, found });
  }
  if (!older && socket.alpnProtocol !== ALPN) return new TidelockError('TLS_PROTOCOL', { address: where });
  return undefined;
}

const AUTHORITY: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'issued by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'issued by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'issued by an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'issued by an authority that is not trusted here',
};

/** Why a link over TLS could not be opened, in the words of docs/errors.md. */
export function tlsError(address: Address, error: NodeJS.ErrnoException & { reason?: string; host?: string }): TidelockError {
  if (error instanceof TidelockError) return error;
  const where = formatAddress(address), code = error.code ?? '', cause = { cause: error };
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return new TidelockError('CERTIFICATE_NAME', { address: where, reason: error.reason ?? error.message }, cause);
    case 'CERT_HAS_EXPIRED':
      return new TidelockError('CERTIFICATE_EXPIRED', { address: where, problem: 'has expired' }, cause);
    case 'CERT_NOT_YET_VALID':
      return new TidelockError('CERTIFICATE_EXPIRED', { address: where, problem: 'is not valid yet' }, cause);
    case 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL':
      return new TidelockError('TLS_PROTOCOL', { address: where }, cause);
  }
  if (error.syscall === 'connect' || error.syscall === 'getaddrinfo') return tcpError(address, error);
  if (code in AUTHORITY) return new TidelockError('CERTIFICATE_UNTRUSTED', { address: where, problem: AUTHORITY[code]! }, cause);
  // OpenSSL's names of what is wrong with a certificate have no prefix; Node's errors and the system's have.
  if (/^(CERT_|INVALID_|PATH_LENGTH|HOSTNAME|UNABLE_|CRL_|ERROR_IN_CERT)/.test(code)) {
    return new TidelockError('CERTIFICATE_UNTRUSTED', { address: where, problem: `not valid (${code})` }, cause);
  }
  // An OpenSSL error's message holds its place in OpenSSL's source; the reason says enough.
  return new TidelockError('TLS_FAILED', { address: where, reason: error.reason ?? (code.startsWith('ERR_SSL_') ? code : error.message) }, cause);
}
