/** Certificates for tests, made at run time by the code behind `tidelock cert`. */
import { makeCertificate, type NewCertificate } from '../../dist/host/cli/certificate.js';

const DAY_MS = 86_400_000;

/** For this host by default, valid since yesterday. `age`: days since its beginning. */
export function certificate({ names = ['localhost', '127.0.0.1'], age = 1, days = 30 } = {}): NewCertificate {
  return makeCertificate({ names, from: Date.now() - age * DAY_MS, days });
}

/** What a gateway takes as `tls`. */
export function identity({ cert, key }: NewCertificate): { cert: string; key: string } {
  return { cert, key };
}
