/** `tidelock cert`: a self-signed certificate for the local network, and the pin by which devices know it. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { isIP } from 'node:net';
import os from 'node:os';
import { TidelockError } from '../errors.js';
import { loadCertificate } from '../transport/tls/server.js';
import { makeCertificate } from './certificate.js';
import { NewKeyFile, reasonOf } from './key-file.js';
import type { Output } from './output.js';

export interface CertWords {
  readonly certFile: string;
  readonly keyFile: string;
  /** Empty: the names of this machine. */
  readonly names: readonly string[];
  readonly days: number;
  /** Take the key that is in `keyFile`, so that the pin stays, and replace the certificate. */
  readonly keepKey: boolean;
  readonly json: boolean;
}

/** Throws KEY_FILE_EXISTS, KEY_FILE_UNWRITABLE, CERTIFICATE_UNREADABLE, CERTIFICATE_INVALID, INPUT_INVALID. */
export async function cert(words: CertWords, output: Output): Promise<void> {
  const { certFile, keyFile, days, keepKey, json } = words;
  const names = words.names.length > 0 ? words.names.map(checkName) : ownNames();
  const key = keepKey ? readKey(keyFile) : undefined;
  const keyTarget = keepKey ? undefined : new NewKeyFile(keyFile);
  try {
    const made = makeCertificate({ names, from: Date.now(), days, ...(key === undefined ? {} : { key }) });
    writeCertificate(certFile, made.cert, keepKey);
    try {
      keyTarget?.writeText(made.key);
    } catch (error) {
      rmSync(certFile, { force: true }); // without its key it is of no use
      throw error;
    }
    const until = new Date(made.until).toISOString();
    if (json) return await output.json({ cert: certFile, key: keyFile, pin: made.pin, names, until });
    await output.line(`wrote a certificate for ${names.join(', ')} to ${certFile}, ${keepKey ? 'for the key in' : 'and its key to'} ${keyFile}; valid until ${until.slice(0, 10)}`);
    await output.line(`pin ${made.pin}`);
  } finally {
    keyTarget?.discard();
  }
}

/** `tidelock cert --show`: what a certificate says of itself. */
export async function showCertificate(certFile: string, keyFile: string, json: boolean, output: Output): Promise<void> {
  const { pin, names, from, until } = await loadCertificate({ certFile, keyFile });
  const [begin, end] = [from, until].map((time) => new Date(time).toISOString());
  if (json) return output.json({ cert: certFile, pin, names, from: begin, until: end });
  await output.line(`${names === '' ? 'no names' : names}; valid from ${begin} until ${end}`);
  await output.line(`pin ${pin}`);
}

/** Host name, localhost and the addresses by which others may reach this machine. */
function ownNames(): string[] {
  const addresses = Object.values(os.networkInterfaces()).flatMap((list) => list ?? []);
  // Link-local addresses need a zone, which a certificate cannot hold.
  const outer = addresses.filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address)).map(({ address }) => address);
  return [...new Set([os.hostname(), 'localhost', '127.0.0.1', '::1', ...outer])];
}

/** A host name in letters, digits, hyphens and dots (RFC 5890's A-label for others), perhaps behind `*.`, or an IP address. */
function checkName(name: string): string {
  const isAddress = /^[\d.]+$/.test(name) || name.includes(':');
  const label = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;
  const labels = name.replace(/^\*\./, '').split('.');
  if (isAddress ? isIP(name) !== 0 : name.length <= 253 && labels.every((part) => label.test(part))) return name;
  throw new TidelockError('INPUT_INVALID', { what: `the name ${JSON.stringify(name)}`, problem: 'is no host name and no IP address', remedy: 'Write it as gateway.example or 192.168.1.5.' });
}

function readKey(file: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code?.startsWith('E') === true && !code.startsWith('ERR_')) throw new TidelockError('CERTIFICATE_UNREADABLE', { file, reason: message }, { cause });
    throw new TidelockError('CERTIFICATE_INVALID', { file, problem: `holds no private key that can be read (${message})`, remedy: 'Give a key in PEM, without a passphrase.' }, { cause });
  }
  if (key.asymmetricKeyType === 'ec') return key;
  throw new TidelockError('CERTIFICATE_INVALID', { file, problem: `holds a key of the kind ${key.asymmetricKeyType}`, remedy: 'Give a key on an elliptic curve, as `tidelock cert` makes them.' });
}

/** In one step, so that a gateway that watches the file never sees half of it. An existing one is replaced only where that was asked for. */
function writeCertificate(file: string, pem: string, replace: boolean): void {
  const target = replace ? `${file}.${process.pid}.new` : file;
  try {
    const handle = openSync(target, 'wx', 0o644);
    try {
      writeSync(handle, pem);
    } finally {
      closeSync(handle);
    }
    if (replace) renameSync(target, file);
  } catch (error) {
    const exists = !replace && (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new TidelockError('INPUT_INVALID', {
      what: `the certificate file ${file}`,
      problem: exists ? 'exists already' : `cannot be written: ${reasonOf(error)}`,
      remedy: exists ? 'Choose another name, or renew the certificate of an existing key with --keep-key.' : 'Check that its folder exists and belongs to this user.',
    }, { cause: error });
  }
}
