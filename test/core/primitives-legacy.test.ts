// The session keys of STCP and DSTCP from core-legacy: upper-case hexadecimal MD5 of key ‖ random number (‖ data).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmFile } from './engine/instances.js';
import { traced, tracing } from './engine/trace.js';
import { RandomInputs } from './primitives/random.js';

const E_ARGUMENT = -2;

class Legacy {
  private readonly call: Record<string, (...numbers: number[]) => number>;
  readonly arena: Buffer;
  readonly inputBytes: number;

  constructor() {
    const exports = traced('core-legacy', new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasmFile('core-legacy')))).exports);
    this.call = exports as typeof this.call;
    const bytes = this.call['legacy_arena_bytes']!();
    this.arena = Buffer.from((exports['memory'] as WebAssembly.Memory).buffer, this.call['legacy_arena']!(), bytes);
    this.inputBytes = bytes - 32;
  }

  begin(): void {
    this.call['session_key_begin']!();
  }

  add(part: Uint8Array): void {
    this.arena.set(part, 32);
    assert.is(this.addBytes(part.length), 0);
  }

  addBytes(bytes: number): number {
    return this.call['session_key_add']!(bytes);
  }

  end(): string {
    this.call['session_key_end']!();
    return this.arena.toString('latin1', 0, 32);
  }

  sessionKey(...parts: Uint8Array[]): string {
    this.begin();
    for (const part of parts) {
      for (let at = 0; at < part.length; at += this.inputBytes) this.add(part.subarray(at, at + this.inputBytes));
    }
    return this.end();
  }
}

const md5Hex = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('md5')).digest('hex').toUpperCase();

test('session keys of STCP: key and random number', () => {
  const legacy = new Legacy();
  const key = '0123456789ABCDEF0123456789ABCDEF';
  const sessionKey = legacy.sessionKey(Buffer.from(key), Buffer.from('5F3A90C1'));
  assert.is(sessionKey, md5Hex(key, '5F3A90C1'));
  assert.match(sessionKey, /^[0-9A-F]{32}$/);
  // After DEACTIVATE the older server's random number is empty.
  assert.is(legacy.sessionKey(Buffer.from(key)), md5Hex(key));
  assert.is(legacy.sessionKey(), 'D41D8CD98F00B204E9800998ECF8427E');
});

test('session keys of DSTCP: with data of any length, in any pieces', () => {
  const legacy = new Legacy();
  const random = new RandomInputs();
  for (let i = 0; i < (tracing ? 30 : 3_000); i++) {
    const parts = [random.bytes(32), random.bytes(8), random.bytes(random.length())];
    assert.is(legacy.sessionKey(...parts), md5Hex(...parts), `input ${i} of seed ${random.seed}`);
  }
});

test('more input than the arena has room for is refused, and changes nothing', () => {
  const legacy = new Legacy();
  legacy.begin();
  legacy.add(Buffer.from('key'));
  assert.is(legacy.addBytes(legacy.inputBytes + 1), E_ARGUMENT);
  assert.is(legacy.addBytes(-1), E_ARGUMENT);
  assert.is(legacy.end(), md5Hex('key'));
});

test('what was handed over is wiped', () => {
  const legacy = new Legacy();
  legacy.begin();
  legacy.add(Buffer.alloc(legacy.inputBytes, 'K'));
  assert.not.ok(legacy.arena.includes('K'));
  legacy.add(Buffer.from('KKK'));
  const sessionKey = legacy.end();
  assert.is(legacy.arena.toString('latin1', 0, 32), sessionKey);
  assert.ok(legacy.arena.subarray(32).every((byte) => byte === 0));
  assert.not.ok(Buffer.from(legacy.arena.buffer).includes('KKK'));
});

test.run();
