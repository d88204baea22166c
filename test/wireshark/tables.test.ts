/** The dissector's numbers are those of the core. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from 'tidelock/core';
import { hasType, reasonName, statusName, suiteName, typeName } from '../../dist/host/decode/words.js';

const lua = readFileSync(new URL('../../wireshark/tidelock.lua', import.meta.url), 'utf8');
const numbers = abi as unknown as Record<string, number>;

function table(name: string): Map<number, string> {
  const text = new RegExp(`^local ${name} = \\{([^}]*)\\}`, 'm').exec(lua)?.[1];
  assert.ok(text !== undefined, `the dissector has a table ${name}`);
  return new Map([...text.matchAll(/\[(\d+)\] = "([^"]+)"/g)].map(([, number, word]) => [Number(number), word!]));
}

const inAbi = (prefix: string): [number, string][] =>
  Object.entries(numbers).filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [value, name.slice(prefix.length).replaceAll('_', ' ').toLowerCase()]);

test('types: those of decode, which are those of the core', () => {
  const types = table('TYPES');
  for (let code = 0; code < 32; code++) {
    assert.is(types.has(code), hasType(code), `type ${code}`);
    if (types.has(code)) assert.is(types.get(code), typeName(code));
  }
  for (const [, name] of types) if (numbers[name] !== undefined) assert.is(types.get(numbers[name]), name);
  const local = /^local (HELLO, [A-Z, ]+) = ([\d, ]+)$/m.exec(lua)!;
  const names = local[1]!.split(', '), values = local[2]!.split(', ').map(Number);
  assert.equal(values, names.map((name) => numbers[name]));
});

test('suites', () => {
  assert.equal([...table('SUITES')].sort(), inAbi('SUITE_').map(([bit]) => [bit, suiteName(bit)]).sort());
});

test('statuses of ACK, reasons of CLOSE: every one, in the words of decode', () => {
  const statuses = table('STATUSES'), reasons = table('REASONS');
  assert.equal([...statuses.keys()].sort(), inAbi('ACK_').map(([status]) => status).sort());
  assert.equal([...reasons.keys()].sort(), inAbi('CLOSE_').map(([reason]) => reason).sort());
  for (const [status, word] of statuses) assert.ok(statusName(status).startsWith(word), word);
  for (const [reason, word] of reasons) assert.ok(reasonName(reason).startsWith(word), word);
});

test('what topics have', () => {
  assert.equal([...table('TRUSTS')].sort(), inAbi('TRUST_').sort());
  assert.match(lua, new RegExp(`^local KIND_TOPIC = ${abi.KIND_TOPIC}$`, 'm'));
});

test('what discovery has', () => {
  assert.match(lua, new RegExp(`^local DISCOVERY_PORT, DISCOVERY_BYTES, DISCOVERY_LINKS = 8434, ${abi.DISCOVERY_BYTES}, ${abi.DISCOVERY_LINKS}$`, 'm'));
});

test('lengths and places', () => {
  const wanted = { H_FIXED: abi.H_ID, PORT: 8433, C_BYTES: abi.C_TIME + 8 };
  const local = /^local (PORT, [A-Z_, ]+) = ([\d, ]+)$/m.exec(lua)!;
  const values = Object.fromEntries(local[1]!.split(', ').map((name, i) => [name, Number(local[2]!.split(', ')[i])]));
  for (const [name, value] of Object.entries(wanted)) assert.is(values[name], value, name);
});

test.run();
