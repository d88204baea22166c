/**
 * The gateway's certificate: read, checked, and put in place of an earlier one without a restart. Connections that stand
 * keep the certificate that they began with.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import { TidelockError } from '../../errors.js';
import { WRITE_MARK, type MarkedSocket } from '../stream-link.js';
import { checkPair, type CertificateFacts, type Pair } from './pair.js';

export const ALPN = 'tidelock/1';
export { LEAST_TLS, type CertificateFacts } from './pair.js';

/** PEM itself, or files that hold it; without `keyFile` the key stands in `certFile`. The gateway's own certificate comes first. */
export type TlsCertificate =
  | { readonly cert: string | Uint8Array; readonly key: string | Uint8Array }
  | { readonly certFile: string; readonly keyFile?: string | undefined };

/** Rejects with CERTIFICATE_UNREADABLE or CERTIFICATE_INVALID. */
export async function loadCertificate(given: TlsCertificate): Promise<Pair> {
  if ('certFile' in given) {
    const { certFile, keyFile = certFile } = given;
    return checkPair(await read(certFile), certFile, await read(keyFile), keyFile);
  }
  return checkPair(Buffer.from(given.cert), '`tls.cert`', Buffer.from(given.key), '`tls.key`');
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new TidelockError('CERTIFICATE_UNREADABLE', { file, reason: (cause as Error).message }, { cause });
  }
}

export class ServerTls {
  #given: TlsCertificate;
  #loaded: Pair;
  /** What the files looked like when they were read last, and at the last look. */
  #read: string;
  #seen: string;

  static async load(given: TlsCertificate): Promise<ServerTls> {
    const looks = await appearance(given);
    return new ServerTls(given, await loadCertificate(given), looks);
  }

  private constructor(given: TlsCertificate, loaded: Pair, looks: string) {
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
