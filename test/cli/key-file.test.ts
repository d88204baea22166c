/** Keys rest in files that their owner alone may read, and are never overwritten or told. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, existsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NewKeyFile, readKeyFile } from '../../dist/host/cli/key-file.js';
import { skip } from '../support/skip.js';

const test = suite('key file');
const posix = process.platform !== 'win32';
const onPosix = posix ? test : skip(test, 'signals, modes and sockets in the file system are POSIX');
const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-key-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index + 1));

let count = 0;
function file(content: string | Buffer, mode = 0o600): string {
  const name = path.join(folder, `key-${(count += 1)}`);
  writeFileSync(name, content);
  chmodSync(name, mode);
  return name;
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.not.match(String((error as Error).message), /0102/, 'no part of a key in an error');
    return (error as { code: string }).code;
  }
  return 'no error';
}

test('what is written is read again', () => {
  const name = path.join(folder, 'new.key');
  new NewKeyFile(name).write(key);
  assert.equal(readKeyFile(name), key);
  if (posix) assert.is(statSync(name).mode & 0o777, 0o600);
});

test('a file that exists stays as it is', () => {
  const name = file('precious');
  assert.is(codeOf(() => new NewKeyFile(name)), 'KEY_FILE_EXISTS');
  assert.is(readFileSync(name, 'utf8'), 'precious');
});

test('a claim that is given up leaves nothing', () => {
  const name = path.join(folder, 'claimed.key');
  new NewKeyFile(name).discard();
  assert.not(existsSync(name));
});

test('raw bytes, digits, digits with white space', () => {
  for (const content of [key, key.toString('hex'), `${key.toString('hex').toUpperCase()}\r\n`]) assert.equal(readKeyFile(file(content)), key);
});

test('what is no key is refused and not shown', () => {
  const hex = key.toString('hex');
  for (const content of [hex.slice(1), `${hex}00`, hex.replace('0', 'g'), '', Buffer.alloc(32), '0'.repeat(64), 'x'.repeat(100_000)]) {
    assert.is(codeOf(() => readKeyFile(file(content))), 'BAD_KEY');
  }
});

onPosix('others may not read it', () => {
  for (const mode of [0o640, 0o604, 0o620, 0o644]) assert.is(codeOf(() => readKeyFile(file(key, mode))), 'KEY_FILE_MODE');
  assert.equal(readKeyFile(file(key, 0o400)), key);
});

onPosix('a credential of systemd may have the mask of its access list where the rights of a group stand', () => {
  const before = process.env['CREDENTIALS_DIRECTORY'];
  try {
    process.env['CREDENTIALS_DIRECTORY'] = folder;
    assert.equal(readKeyFile(file(key, 0o440)), key);
    for (const mode of [0o444, 0o460, 0o450]) assert.is(codeOf(() => readKeyFile(file(key, mode))), 'KEY_FILE_MODE');
    process.env['CREDENTIALS_DIRECTORY'] = path.join(folder, 'other');
    assert.is(codeOf(() => readKeyFile(file(key, 0o440))), 'KEY_FILE_MODE');
  } finally {
    if (before === undefined) delete process.env['CREDENTIALS_DIRECTORY'];
    else process.env['CREDENTIALS_DIRECTORY'] = before;
  }
});

test('what cannot be read is named', () => {
  assert.is(codeOf(() => readKeyFile(path.join(folder, 'none'))), 'KEY_FILE_UNREADABLE');
  mkdirSync(path.join(folder, 'sub'));
  assert.is(codeOf(() => readKeyFile(path.join(folder, 'sub'))), 'KEY_FILE_UNREADABLE');
  assert.is(codeOf(() => new NewKeyFile(path.join(folder, 'no', 'where'))), 'KEY_FILE_UNWRITABLE');
});

test.run();
