/** Whom a device believes: the option, checked. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { badOption, checkNames } from '../../options.js';
import type { Address } from '../address.js';
import { TRUST_AUTHORITIES, type TlsTrust } from './client.js';
import { checkPin, LARGEST_PINS } from './pin.js';

/** By default the certificate must lead to an authority that Node knows, be in date, and be for the address's host. */
export interface DeviceTls {
  /** Certificates of authorities in PEM, in place of those that Node knows; a self-signed one may be its own. `'system'`: those, beside pins. */
  ca?: string | Uint8Array;
  /**
   * `sha256/…` of the public keys of gateways, as `tidelock cert` prints them; two, while a key is changed. With pins alone the key
   * decides and nothing else: not who signed, for which name or time. With `ca` too both must hold.
   */
  pins?: readonly string[];
  /** The name that the certificate must be for, where it is not the host of the address. */
  servername?: string;
}

/** Throws BAD_OPTION, UNKNOWN_OPTION. */
export function checkTrust(tls: DeviceTls | undefined, addresses: readonly Address[]): TlsTrust {
  if (tls === undefined) return TRUST_AUTHORITIES;
  checkNames(tls, ['ca', 'pins', 'servername'], 'tls');
  const { ca, servername } = tls;
  const pins: unknown = tls.pins ?? [];
  if (!addresses.every(({ kind }) => kind === 'tls')) throw badOption('tls', Object.keys(tls), 'not every address is tidelocks://: without TLS nothing of it would hold');
  if (ca !== undefined && typeof ca !== 'string' && !(ca instanceof Uint8Array)) throw badOption('tls.ca', typeof ca, "it must be certificates in PEM, or 'system'");
  if (ca !== undefined && ca !== 'system') checkAuthorities(Buffer.from(ca));
  if (!Array.isArray(pins) || pins.length > LARGEST_PINS) throw badOption('tls.pins', typeof pins, `it must be a list of at most ${LARGEST_PINS} pins`);
  if (servername !== undefined && (typeof servername !== 'string' || servername === '' || isIP(servername) !== 0)) {
    throw badOption('tls.servername', servername, 'it must be a host name, not an address');
  }
  return { ca: ca instanceof Uint8Array ? Buffer.from(ca) : ca, pins: (pins as string[]).map((pin) => checkPin('tls.pins', pin)), servername };
}

function checkAuthorities(pem: Buffer): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw badOption('tls.ca', 'given', `it holds no certificate in PEM: ${(error as Error).message}`);
  }
}
