/**
 * The gateway's certificate: read, checked, and put in place of an earlier one without a restart. Connections that stand
 * keep the certificate that they began with.
 */
import { constants, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext, type TLSSocketOptions } from 'node:tls';
import { TidelockError } from '../../errors.js';
import { WRITE_MARK, type MarkedSocket } from '../stream-link.js';
import { pinOf } from './pin.js';

export const ALPN = 'tidelock/1';
export const LEAST_TLS = 'TLSv1.2';

/** PEM itself, or files that hold it; without `keyFile` the key stands in `certFile`. The gateway's own certificate comes first. */
export type TlsCertificate =
  | { readonly cert: string | Uint8Array; readonly key: string | Uint8Array }
  | { readonly certFile: string; readonly keyFile?: string | undefined };

/** What an operator wants to know of a certificate. */
export interface CertificateFacts {
  readonly pin: string;
  /** As X.509 writes subject alternative names; empty where there are none. */
  readonly names: string;
  /** Unix ms. */
  readonly from: number;
  readonly until: number;
}

interface Loaded extends CertificateFacts {
  readonly context: SecureContext;
}

/** Rejects with CERTIFICATE_UNREADABLE or CERTIFICATE_INVALID. */
export async function loadCertificate(given: TlsCertificate): Promise<Loaded> {
  if ('certFile' in given) {
    const { certFile, keyFile = certFile } = given;
    return check(await read(certFile), certFile, await read(keyFile), keyFile);
  }
  return check(Buffer.from(given.cert), '`tls.cert`', Buffer.from(given.key), '`tls.key`');
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new TidelockError('CERTIFICATE_UNREADABLE', { file, reason: (cause as Error).message }, { cause });
  }
}

function check(cert: Buffer, certName: string, pem: Buffer, keyName: string): Loaded {
  const leaf = parse(() => new X509Certificate(cert), certName, 'holds no certificate', 'Give a file in PEM that begins with the certificate of the gateway.');
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

function parse<T>(run: () => T, file: string, problem: string, remedy: string): T {
  try {
    return run();
  } catch (cause) {
    throw new TidelockError('CERTIFICATE_INVALID', { file, problem: `${problem} (${(cause as Error).message})`, remedy }, { cause });
  }
}

export class ServerTls {
  #given: TlsCertificate;
  #loaded: Loaded;
  /** What the files looked like when they were read last, and at the last look. */
  #read: string;
  #seen: string;

  static async load(given: TlsCertificate): Promise<ServerTls> {
    const looks = await appearance(given);
    return new ServerTls(given, await loadCertificate(given), looks);
  }

  private constructor(given: TlsCertificate, loaded: Loaded, looks: string) {
    this.#given = given;
    this.#loaded = loaded;
    this.#read = this.#seen = looks;
  }

  get facts(): CertificateFacts {
    return this.#loaded;
  }

  /** It stands in files, which may change. */
  get inFiles(): boolean {
    return 'certFile' in this.#given;
  }

  /** TLS on top of a connection, whose first bytes may have been put back. */
  readonly wrap = (socket: Socket): TLSSocket => {
    const options: TLSSocketOptions & MarkedSocket = {
      isServer: true, secureContext: this.#loaded.context, ALPNProtocols: [ALPN], highWaterMark: WRITE_MARK,
    };
    return new TLSSocket(socket, options);
  };

  /** Reads the files again, or takes another certificate. Where that fails, the one in use stays. */
  async reload(given: TlsCertificate = this.#given): Promise<void> {
    const looks = await appearance(given);
    this.#seen = this.#read = looks; // also where it fails: the same fault is told once
    this.#loaded = await loadCertificate(given);
    this.#given = given;
  }

  /**
   * Reloads where the files have changed, and have not changed any more since the last look: certificate and key are two
   * files, and in between they do not fit. True: it did.
   */
  async look(): Promise<boolean> {
    const looks = await appearance(this.#given);
    const settled = looks === this.#seen;
    this.#seen = looks;
    if (!settled || looks === this.#read) return false;
    await this.reload();
    return true;
  }
}

/** Follows links, as tools that renew certificates move them. */
async function appearance(given: TlsCertificate): Promise<string> {
  if (!('certFile' in given)) return '';
  const looks = await Promise.all([given.certFile, given.keyFile ?? given.certFile].map(async (file) => {
    const { ino, size, mtimeMs } = await stat(file).catch(() => ({ ino: 0, size: 0, mtimeMs: 0 }));
    return `${ino} ${size} ${mtimeMs}`;
  }));
  return looks.join();
}
