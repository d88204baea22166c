// What each build of the core may weigh and must not do, read from the binary.
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileCore } from '../../scripts/lib/compile-core.mjs';
import { coreBuilds } from '../../scripts/lib/core-builds.mjs';
import { MEMORY_GROW, MEMORY_SIZE, type WasmModule, readModule } from './budget/wasm-module.js';
import { wasmFile } from './engine/instances.js';

const KIB = 1024;
/** Bytes of the file (core-device: 10 KiB with topics and parts), and of the memory that it uses, for the builds that run on microcontrollers. */
const budgets: Record<string, { file: number; memory: number }> = {
  'core-device': { file: 10 * KIB, memory: 5 * KIB },
  'core-device-small': { file: 7 * KIB, memory: 5 * KIB },
  'core-device-hal': { file: 8 * KIB, memory: 5 * KIB },
  'core-legacy': { file: 6 * KIB, memory: 5 * KIB },
};
const shipped = coreBuilds.filter(({ name }) => !name.endsWith('-test'));
const small = Object.keys(budgets).flatMap((name) => [name, `${name}-test`]);

const binaries = new Map(coreBuilds.map(({ name }) => [name, readFileSync(wasmFile(name))]));
const modules = new Map<string, WasmModule>();
const binary = (name: string) => binaries.get(name)!;
const moduleOf = (name: string) => {
  const module = modules.get(name) ?? readModule(binary(name));
  modules.set(name, module);
  return module;
};
const globalOf = (name: string, wanted: string) => {
  const found = moduleOf(name).exports.find((item) => item.name === wanted)?.global;
  assert.ok(found, `${name} exports ${wanted}`);
  return found.initial;
};

for (const [name, budget] of Object.entries(budgets)) {
  test(`${name}: at most ${budget.file} bytes, in at most ${budget.memory} bytes of memory`, () => {
    assert.ok(binary(name).length <= budget.file, `${name}.wasm has ${binary(name).length} bytes of ${budget.file}`);
    const used = globalOf(name, '__heap_base');
    assert.ok(used <= budget.memory, `${name} uses ${used} bytes of ${budget.memory}`);
  });
}

test('what the firmware brings along saves core-device-hal at least a KiB', () => {
  assert.ok(binary('core-device').length - binary('core-device-hal').length >= KIB);
});

for (const { name } of coreBuilds) {
  test(`${name}: imports nothing but the firmware's block functions`, () => {
    const allowed = name.startsWith('core-device-hal') ? ['env.chacha20_blocks', 'env.sha256_blocks'] : [];
    const { imports } = moduleOf(name);
    assert.equal(imports.map((item) => item.name).sort(), allowed);
    // As WAMR's (*~*~): each pointer followed by its length.
    for (const item of imports) assert.equal(item.signature, { parameters: ['i32', 'i32', 'i32', 'i32'], results: [] });
  });
  test(`${name}: one memory of its own, no start function`, () => {
    const { exports, hasStart, memories } = moduleOf(name);
    assert.is(memories.length, 1);
    assert.equal(exports.filter(({ kind }) => kind === 'memory').map((item) => item.name), ['memory']);
    assert.not.ok(hasStart);
  });
}

for (const name of small) {
  test(`${name}: fit for WAMR to shrink its memory`, () => {
    const { globals, memories, opcodes } = moduleOf(name);
    assert.is(opcodes.get(MEMORY_GROW) ?? 0, 0, 'no memory.grow');
    assert.is(opcodes.get(MEMORY_SIZE) ?? 0, 0, 'no memory.size');
    assert.is(memories[0]!.minimum, 1);
    const dataEnd = globalOf(name, '__data_end');
    const heapBase = globalOf(name, '__heap_base');
    assert.is(dataEnd % 16, 0, `data end ${dataEnd}`);
    assert.is(heapBase, dataEnd, 'the memory that is left ends where the data end');
    // WAMR takes the first mutable i32 whose initial value is at most the heap base for the C stack pointer, and traps
    // when it is raised; 0 it leaves alone.
    const taken = globals.filter(({ type, mutable, initial }) => mutable && type === 'i32' && !(initial === 0 || initial > heapBase));
    assert.equal(taken, []);
  });
}

for (const { name } of shipped) {
  test(`${name}: exported functions take and give numbers of 32 bits`, () => {
    const functions = moduleOf(name).exports.flatMap((item) => (item.signature ? [{ ...item.signature, name: item.name }] : []));
    assert.ok(functions.length > 0);
    // A BigInt costs a call 58 ns, two u32 cost 12 (measured on Node 20).
    for (const { name: called, parameters, results } of functions) {
      assert.ok([...parameters, ...results].every((type) => type === 'i32'), `${called}(${parameters.join()}): ${results.join()}`);
    }
  });
  test(`${name}: its test twin has all that it exports, and primitives besides`, () => {
    const names = (build: string) => moduleOf(build).exports.map((item) => item.name);
    const twin = new Set(names(`${name}-test`));
    assert.equal(names(name).filter((item) => !twin.has(item)), []);
    assert.ok(twin.size > names(name).length);
  });
}

for (const build of coreBuilds.filter(({ name }) => budgets[name] || name.startsWith('core-gateway-nosimd'))) {
  test(`${build.name}: byte for byte the same when built again`, async () => {
    assert.is(Buffer.compare(await compileCore(build), binary(build.name)), 0);
  });
}

test('the module reader sees what it looks for', () => {
  // (module (memory 1) (global (mut i32) (i32.const 64)) (func (drop (memory.grow (memory.size)))))
  const bytes = Buffer.from('0061736d01000000 0104016000000302010005030100010607017f0141c0000b0a09010700 3f0040001a0b'.replaceAll(' ', ''), 'hex');
  assert.ok(WebAssembly.validate(bytes));
  const module = readModule(bytes);
  assert.is(module.opcodes.get(MEMORY_GROW), 1);
  assert.is(module.opcodes.get(MEMORY_SIZE), 1);
  assert.equal(module.globals, [{ type: 'i32', mutable: true, initial: 64 }]);
});

test("README's table of sizes is true", () => {
  const file = new URL('../../README.md', import.meta.url);
  const rows = shipped.map(({ name }) => `| \`${name}.wasm\` | ${binary(name).length.toLocaleString('en-US')} |`);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const table = /<!-- sizes -->([^]*?)<!-- \/sizes -->/.exec(text)?.[1];
  assert.ok(table !== undefined, `README.md needs a table between <!-- sizes --> and <!-- /sizes -->, with the rows\n${rows.join('\n')}`);
  const missing = rows.filter((row) => !table.includes(row));
  assert.equal(missing, [], `these rows of README.md are to begin so:\n${missing.join('\n')}`);
});

test.run();
