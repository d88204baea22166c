/** Makes a self-signed certificate. Node signs and checks; the X.509 structures are @peculiar/asn1-x509's. */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier, AttributeTypeAndValue, AttributeValue, BasicConstraints, Certificate, ExtendedKeyUsage, Extension, Extensions, GeneralName, Name,
  RelativeDistinguishedName, SubjectAlternativeName, SubjectPublicKeyInfo, TBSCertificate, Validity, Version,
  id_ce_basicConstraints, id_ce_extKeyUsage, id_ce_subjectAltName, id_kp_serverAuth,
} from '@peculiar/asn1-x509';
import { pinOf } from '../transport/tls/pin.js';

const COMMON_NAME = '2.5.4.3';
const ECDSA_SHA256 = '1.2.840.10045.4.3.2';
const DAY_MS = 86_400_000;
/** RFC 5280 5.2: a random serial number of up to 20 bytes, positive. */
const SERIAL_BYTES = 16;

export interface NewCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** Of its public key. */
  readonly pin: string;
  /** Unix ms. */
  readonly until: number;
}

export interface CertificateWish {
  /** Host names and addresses that it is for; the first is its subject. */
  readonly names: readonly string[];
  /** Unix ms from which it is valid, and for how many days. */
  readonly from: number;
  readonly days: number;
  /** An earlier key, in PEM or parsed: with it the pin stays. By default a new one, on P-256. */
  readonly key?: KeyObject;
}

export function makeCertificate({ names, from, days, key }: CertificateWish): NewCertificate {
  const privateKey = key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const certificate = new Certificate({ tbsCertificate: body(names, from, days, privateKey), signatureAlgorithm: algorithm() });
  const signed = sign('sha256', Buffer.from(AsnConvert.serialize(certificate.tbsCertificate)), privateKey);
  certificate.signatureValue = bytes(signed);
  const made = new X509Certificate(Buffer.from(AsnConvert.serialize(certificate)));
  return {
    cert: made.toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pin: pinOf(made.publicKey),
    until: Date.parse(made.validTo),
  };
}

function body(names: readonly string[], from: number, days: number, privateKey: KeyObject): TBSCertificate {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }), subject = subjectOf(names[0]!), serial = randomBytes(SERIAL_BYTES);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return new TBSCertificate({
    version: Version.v3,
    serialNumber: bytes(serial),
    signature: algorithm(),
    issuer: subject,
    subject,
    validity: new Validity({ notBefore: new Date(from), notAfter: new Date(from + days * DAY_MS) }),
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
    extensions: new Extensions([
      // It signs itself alone: as an authority of others it is of no use to who steals it.
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
      extension(id_ce_subjectAltName, new SubjectAlternativeName(names.map(generalName))),
    ]),
  });
}

function algorithm(): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithm: ECDSA_SHA256 });
}

function extension(extnID: string, value: unknown, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function subjectOf(name: string): Name {
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value: new AttributeValue({ utf8String: name }) })])]);
}

function generalName(name: string): GeneralName {
  return isIP(name) === 0 ? new GeneralName({ dNSName: name }) : new GeneralName({ iPAddress: name });
}

/** A copy in an ArrayBuffer of its own: Node's buffers share theirs. */
function bytes(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}
