// Enough of the WebAssembly binary format (core specification 2.0, chapter 5) to see what an engine on a
// microcontroller would: imports, exports, globals, and every instruction.

const MAGIC = Buffer.from('\0asm\x01\0\0\0', 'latin1');
const KINDS = ['function', 'table', 'memory', 'global'] as const;
const VALUE_TYPES = new Map([[0x7f, 'i32'], [0x7e, 'i64'], [0x7d, 'f32'], [0x7c, 'f64'], [0x7b, 'v128'], [0x70, 'funcref'], [0x6f, 'externref']]);

export type Kind = (typeof KINDS)[number];

export interface Signature {
  parameters: string[];
  results: string[];
}

export interface Import {
  name: string;
  kind: Kind;
  /** Of a function. */
  signature?: Signature;
}

export interface Global {
  type: string;
  mutable: boolean;
  /** What an i32.const initialises it with; NaN for anything else. */
  initial: number;
}

export interface Export {
  name: string;
  kind: Kind;
  signature?: Signature;
  global?: Global;
}

export interface WasmModule {
  imports: Import[];
  exports: Export[];
  globals: Global[];
  memories: { minimum: number; maximum?: number }[];
  hasStart: boolean;
  /** How often each opcode stands in the code: of one byte as it is, of two as prefix << 8 | number. */
  opcodes: Map<number, number>;
}

export const MEMORY_SIZE = 0x3f;
export const MEMORY_GROW = 0x40;

class Reader {
  at = 0;
  constructor(private readonly bytes: Uint8Array, readonly end = bytes.length) {}

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined || this.at > this.end) throw new Error(`the module ends within an item at ${this.at}`);
    return byte;
  }

  skip(count: number): void {
    this.at += count;
  }

  unsigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  /** A signed number of at most 32 bits. */
  signed(): number {
    let value = 0;
    for (let shift = 0; ; ) {
      const byte = this.byte();
      if (shift < 32) value |= (byte & 127) << shift;
      shift += 7;
      if (byte < 128) return shift < 32 && byte & 64 ? value | (-1 << shift) : value;
    }
  }

  name(): string {
    const length = this.unsigned();
    const text = Buffer.from(this.bytes.subarray(this.at, this.at + length)).toString('utf8');
    this.skip(length);
    return text;
  }

  list<T>(item: () => T): T[] {
    return Array.from({ length: this.unsigned() }, item);
  }

  type(): string {
    const code = this.byte();
    const type = VALUE_TYPES.get(code);
    if (!type) throw new Error(`value type 0x${code.toString(16)} at ${this.at - 1}`);
    return type;
  }

  limits(): { minimum: number; maximum?: number } {
    const bounded = this.byte() & 1;
    const minimum = this.unsigned();
    return bounded ? { minimum, maximum: this.unsigned() } : { minimum };
  }
}

/** @throws Error where the bytes are no module, or have an instruction that this reader does not know */
export function readModule(bytes: Uint8Array): WasmModule {
  if (Buffer.compare(bytes.subarray(0, 8), MAGIC) !== 0) throw new Error('not a WebAssembly module');
  const module: WasmModule = { imports: [], exports: [], globals: [], memories: [], hasStart: false, opcodes: new Map() };
  const reader = new Reader(bytes);
  let types: Signature[] = [];
  const functions: Signature[] = [];
  reader.skip(8);
  while (reader.at < bytes.length) {
    const id = reader.byte();
    const length = reader.unsigned();
    const end = reader.at + length;
    if (id === 1) types = reader.list(() => readType(reader));
    else if (id === 2) module.imports = reader.list(() => readImport(reader, types));
    else if (id === 3) {
      functions.push(...module.imports.flatMap(({ signature }) => signature ?? []));
      functions.push(...reader.list(() => types[reader.unsigned()]!));
    } else if (id === 5) module.memories = reader.list(() => reader.limits());
    else if (id === 6) module.globals = reader.list(() => readGlobal(reader));
    else if (id === 7) module.exports = reader.list(() => readExport(reader, functions, module.globals));
    else if (id === 8) module.hasStart = true;
    else if (id === 10) for (let bodies = reader.unsigned(); bodies > 0; bodies--) readBody(reader, module.opcodes);
    if ([1, 2, 3, 5, 6, 7, 10].includes(id) && reader.at !== end) throw new Error(`section ${id} does not end at ${end}`);
    reader.at = end;
  }
  return module;
}

function readType(reader: Reader): Signature {
  if (reader.byte() !== 0x60) throw new Error(`no function type at ${reader.at - 1}`);
  return { parameters: reader.list(() => reader.type()), results: reader.list(() => reader.type()) };
}

function readImport(reader: Reader, types: Signature[]): Import {
  const name = `${reader.name()}.${reader.name()}`;
  const kind = KINDS[reader.byte()]!;
  if (kind === 'function') return { name, kind, signature: types[reader.unsigned()]! };
  throw new Error(`import ${name}: a ${kind}; this reader takes functions only`);
}

function readGlobal(reader: Reader): Global {
  const type = reader.type();
  const mutable = reader.byte() === 1;
  const start = reader.at;
  const initial = type === 'i32' && reader.byte() === 0x41 ? reader.signed() : NaN;
  reader.at = start;
  readExpression(reader, new Map());
  return { type, mutable, initial };
}

function readExport(reader: Reader, functions: Signature[], globals: Global[]): Export {
  const name = reader.name();
  const kind = KINDS[reader.byte()]!;
  const index = reader.unsigned();
  if (kind === 'function') return { name, kind, signature: functions[index]! };
  if (kind === 'global') return { name, kind, global: globals[index]! };
  return { name, kind };
}

function readBody(reader: Reader, opcodes: Map<number, number>): void {
  const length = reader.unsigned();
  const end = reader.at + length;
  reader.list(() => [reader.unsigned(), reader.type()]);
  readExpression(reader, opcodes);
  if (reader.at !== end) throw new Error(`a function does not end at ${end}`);
}

/** Reads instructions up to the `end` that closes the expression. */
function readExpression(reader: Reader, opcodes: Map<number, number>): void {
  for (let depth = 1; depth > 0; ) {
    let opcode = reader.byte();
    if (opcode === 0xfc || opcode === 0xfd) opcode = (opcode << 8) | reader.unsigned();
    opcodes.set(opcode, (opcodes.get(opcode) ?? 0) + 1);
    if (opcode >= 0x02 && opcode <= 0x04) depth++;
    else if (opcode === 0x0b) depth--;
    skipImmediates(reader, opcode);
  }
}

function skipImmediates(reader: Reader, opcode: number): void {
  const numbers = immediateNumbers(opcode);
  if (numbers !== undefined) for (let i = 0; i < numbers; i++) reader.unsigned();
  else if (opcode === 0x0e) for (let labels = reader.unsigned() + 1; labels > 0; labels--) reader.unsigned();
  else if (opcode === 0x1c) reader.list(() => reader.type());
  else if (opcode === 0x43) reader.skip(4);
  else if (opcode === 0x44) reader.skip(8);
  else if (opcode >>> 8 === 0xfd) skipVectorImmediates(reader, opcode & 0xff);
  else throw new Error(`unknown instruction 0x${opcode.toString(16)} at ${reader.at}`);
}

/** How many LEB128 numbers follow an opcode; a block's type and a constant are read as one each. */
function immediateNumbers(opcode: number): number | undefined {
  if (opcode <= 0x01 || opcode === 0x05 || opcode === 0x0b || opcode === 0x0f) return 0;
  if (opcode <= 0x04 || opcode === 0x0c || opcode === 0x0d || opcode === 0x10) return 1;
  if (opcode === 0x11) return 2;
  if (opcode === 0x1a || opcode === 0x1b) return 0;
  if (opcode >= 0x20 && opcode <= 0x26) return 1;
  if (opcode >= 0x28 && opcode <= 0x3e) return 2; // loads and stores: alignment and offset
  if (opcode >= 0x3f && opcode <= 0x42) return 1;
  if (opcode >= 0x45 && opcode <= 0xc4) return 0;
  if (opcode >= 0xfc00 && opcode <= 0xfc07) return 0;
  if (opcode >= 0xfc08 && opcode <= 0xfc11) return [2, 1, 2, 1, 2, 1, 2, 1, 1, 1][opcode - 0xfc08];
  return undefined;
}

function skipVectorImmediates(reader: Reader, number: number): void {
  const laneAfterAddress = number >= 84 && number <= 91;
  if (number <= 11 || number === 92 || number === 93 || laneAfterAddress) {
    reader.unsigned();
    reader.unsigned();
    if (laneAfterAddress) reader.skip(1);
  } else if (number === 12 || number === 13) reader.skip(16);
  else if (number >= 21 && number <= 34) reader.skip(1);
}
