/** Pins, against what OpenSSL makes of the same key. */
import { spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkPin, pinOf } from '../../dist/host/transport/tls/pin.js';
import { found, skipMissing } from '../support/skip.js';
import { certificate } from '../support/tls.js';

const withOpenssl = found('openssl', 'version') ? test : skipMissing(test, 'openssl');

withOpenssl('a pin is the SHA-256 of the SubjectPublicKeyInfo as openssl writes it', () => {
  for (const { publicKey } of [generateKeyPairSync('ec', { namedCurve: 'P-256' }), generateKeyPairSync('rsa', { modulusLength: 2048 }), generateKeyPairSync('ed25519')]) {
    const der = spawnSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], { input: publicKey.export({ type: 'spki', format: 'pem' }) }).stdout;
    const { stdout } = spawnSync('openssl', ['dgst', '-sha256', '-binary'], { input: der });
    assert.is(stdout.length, 32);
    assert.is(pinOf(publicKey), `sha256/${stdout.toString('base64')}`);
  }
});

test('the pin of a certificate is that of its key', () => {
  const { cert, key, pin } = certificate();
  assert.is(pinOf(new X509Certificate(cert).publicKey), pin);
  assert.is(pinOf(createPublicKey(key)), pin);
  assert.is.not(certificate().pin, pin);
});

test('a pin has one form; what is none is named', () => {
  const { pin } = certificate();
  assert.is(checkPin('pins', pin), pin);
  assert.is(checkPin('pins', pin.replace('/', '//')), pin); // as curl writes it
  const spoiled = ['', 'sha256/', pin.slice(0, -1), `${pin}=`, pin.replace('sha256', 'sha1'), pin.slice('sha256/'.length), ` ${pin}`, `${pin}\n`, `sha256/${'A'.repeat(42)}B=`];
  for (const text of spoiled) assert.throws(() => checkPin('pins', text), (error: { code: string }) => error.code === 'BAD_OPTION', JSON.stringify(text));
});

test.run();
