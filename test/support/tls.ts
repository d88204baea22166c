/** Certificates for tests, made at run time by the code behind `tidelock cert`. */
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { BasicConstraints, Certificate, ExtendedKeyUsage, Extension, Extensions, Name, id_ce_basicConstraints, id_ce_extKeyUsage, id_kp_clientAuth, id_kp_serverAuth } from '@peculiar/asn1-x509';
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

export interface Authority {
  /** PEM of its own certificate. */
  readonly cert: string;
  /** For a server with that host name, or for a client with that common name; valid since yesterday, for `days` (default 30). */
  issue(subject: string, usage: 'server' | 'client', days?: number): { cert: string; key: string };
}

/** One that signs for others, as that of a broker does. */
export function authority(name = 'authority.test'): Authority {
  const own = certificate({ names: [name] }), issuer = AsnConvert.parse(new X509Certificate(own.cert).raw, Certificate).tbsCertificate.subject;
  return {
    cert: resigned(own.cert, own.key, issuer, [extension(id_ce_basicConstraints, new BasicConstraints({ cA: true }))]),
    issue: (subject, usage, days) => {
      const made = certificate({ names: [subject], ...(days === undefined ? {} : { days }) });
      const purpose = new ExtendedKeyUsage([usage === 'server' ? id_kp_serverAuth : id_kp_clientAuth]);
      return { cert: resigned(made.cert, own.key, issuer, [extension(id_ce_extKeyUsage, purpose)]), key: made.key };
    },
  };
}

/** The same certificate of another issuer, with these extensions as all that it says of its use. */
function resigned(pem: string, key: string, issuer: Name, use: readonly Extension[]): string {
  const made = AsnConvert.parse(new X509Certificate(pem).raw, Certificate), { tbsCertificate: body } = made;
  body.issuer = issuer;
  body.extensions = new Extensions([...body.extensions!.filter(({ extnID }) => ![id_ce_basicConstraints, id_ce_extKeyUsage].includes(extnID)), ...use]);
  made.tbsCertificateRaw = undefined;
  made.signatureValue = Uint8Array.from(sign('sha256', Buffer.from(AsnConvert.serialize(body)), createPrivateKey(key))).buffer;
  return new X509Certificate(Buffer.from(AsnConvert.serialize(made))).toString();
}

function extension(extnID: string, value: unknown): Extension {
  return new Extension({ extnID, critical: true, extnValue: new OctetString(AsnConvert.serialize(value)) });
}
