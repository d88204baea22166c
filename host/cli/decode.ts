/** `tidelock decode`: says what captured bytes are. */
import { createReadStream, statSync } from 'node:fs';
import { Decoder, type FindKeys, type Item } from '../decode/index.js';
import { TidelockError } from '../errors.js';
import { isIdentity } from '../core/identity.js';
import type { Registry } from '../registry/types.js';
import { openDatabase } from './database.js';
import { createPrinter, forPrograms } from './decode-lines.js';
import { safeJson } from './escape.js';
import { readKeyFile } from './key-file.js';
import type { Output } from './output.js';

export interface DecodeFlags {
  datagram: boolean;
  /** `ID=FILE` each. */
  keyFiles: readonly string[];
  database: string | undefined;
  masterKeyFile: string | undefined;
  port: number | undefined;
  verbose: boolean;
  json: boolean;
}

/** `words`: hexadecimal digits, names of files, or `-` for stdin, which is also what none means. */
export async function decode(words: readonly string[], flags: DecodeFlags, output: Output): Promise<void> {
  if (words.length === 0 && process.stdin.isTTY) {
    throw new TidelockError('INPUT_INVALID', { what: 'the input of decode', problem: 'is missing', remedy: 'Give hexadecimal digits, a file, or pipe bytes into it; `tidelock help decode` has examples.' });
  }
  const keys = new Keys(flags.keyFiles);
  let registry: Registry | undefined;
  try {
    if (flags.database !== undefined) registry = await openDatabase({ database: flags.database, ...(flags.masterKeyFile === undefined ? {} : { masterKeyFile: flags.masterKeyFile }) }, { create: false });
    const find: FindKeys = (identity, keyId) => {
      const stored = registry?.find(identity, keyId);
      return [...keys.of(identity), ...(stored === undefined ? [] : [stored])];
    };
    await run(words, flags, find, output);
  } finally {
    keys.wipe();
    await registry?.close();
  }
}

async function run(words: readonly string[], flags: DecodeFlags, keys: FindKeys, output: Output): Promise<void> {
  const print = createPrinter(flags.verbose);
  let lines: string[] = [];
  const tell = (item: Item): void => {
    if (flags.json) lines.push(safeJson(forPrograms(item)));
    else lines.push(...print(item));
  };
  // A piece of the input, then what it said: so that neither a large file nor a slow reader fills the memory.
  const write = async (): Promise<void> => {
    const text = lines.join('\n');
    lines = [];
    if (text !== '') await output.line(text);
  };
  const decoder = new Decoder({ datagram: flags.datagram, keys, ...(flags.port === undefined ? {} : { port: flags.port }) }, tell);
  for (const word of words.length === 0 ? ['-'] : words) {
    if (isHex(word)) decoder.hex(word);
    else {
      const input = decoder.input();
      for await (const chunk of word === '-' ? process.stdin : open(word)) {
        input.push(chunk as Buffer);
        await write();
      }
      input.end();
    }
    await write();
  }
  decoder.end();
  await write();
}

/** Digits alone are bytes; a file of such a name is meant by `./`. */
function isHex(word: string): boolean {
  return /^(?:0x)?(?:[0-9a-f]{2}[\s:,-]*)+$/i.test(word);
}

function open(file: string): AsyncIterable<unknown> {
  try {
    if (statSync(file).isDirectory()) throw unreadable(file, 'it is a folder');
    return readable(file);
  } catch (error) {
    throw error instanceof TidelockError ? error : unreadable(file, (error as Error).message);
  }
}

async function* readable(file: string): AsyncGenerator<unknown> {
  try {
    yield* createReadStream(file);
  } catch (error) {
    throw unreadable(file, (error as Error).message);
  }
}

function unreadable(file: string, reason: string): TidelockError {
  return new TidelockError('INPUT_INVALID', { what: `the input ${file}`, problem: `cannot be read: ${reason}`, remedy: 'Give a file that exists, hexadecimal digits of whole bytes, or - for stdin.' });
}

/** Keys from files, by identity. */
class Keys {
  readonly #keys = new Map<string, Buffer[]>();

  constructor(pairs: readonly string[]) {
    for (const pair of pairs) {
      const at = pair.indexOf('=');
      const identity = pair.slice(0, Math.max(0, at));
      if (!isIdentity(identity)) {
        throw new TidelockError('INPUT_INVALID', { what: `--key-file ${pair}`, problem: 'does not begin with an identity and =', remedy: 'Write --key-file pump-7=pump-7.key.' });
      }
      const list = this.#keys.get(identity) ?? [];
      list.push(readKeyFile(pair.slice(at + 1)));
      this.#keys.set(identity, list);
    }
  }

  of(identity: string): readonly Buffer[] {
    return this.#keys.get(identity) ?? [];
  }

  wipe(): void {
    for (const list of this.#keys.values()) for (const key of list) key.fill(0);
  }
}
