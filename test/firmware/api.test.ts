/** The C API: its header under strict compilers, its memory, its statuses, and what it does with the device's machine. */
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from '../core/engine/engine.js';
import { FIRMWARE, ROOT, STRICT, WASM2C, compiling, run } from './compiled.js';
import { KEY, Peer } from './peer.js';
import { type Answer, Script, batch, endScripts, scriptProgram } from './script.js';

test.after(endScripts);
const c = compiling(test);
const cxx = compiling(test, 'g++');
const HEX_KEY = Buffer.from(KEY).toString('hex');
const ENTROPY = Buffer.from(Array.from({ length: 32 }, (_, i) => i + 1)).toString('hex');
const open = (more: Partial<Record<'outbox' | 'parts' | 'link' | 'suites' | 'record' | 'largest' | 'id', string | number>> = {}): string =>
  `open 1000 ${HEX_KEY} ${more.id ?? 'pump-7'} ${more.link ?? 0} ${more.suites ?? 1} ${more.largest ?? 0} ${more.outbox ?? 2048} ${more.parts ?? 512} 0 ${more.record ?? '-'}`;

for (const core of [1, 2, 3]) {
  c(`core ${core}: every file compiles as strict C99, and as C for both kinds of boards`, () => {
    for (const file of WASM2C) {
      const words = [...STRICT, '-O2', `-DTL_CORE=${core}`, `-I${path.join(FIRMWARE, 'include')}`, '-c', path.join(FIRMWARE, file), '-o', '/dev/null'];
      run('gcc', words);
    }
  });
}

c('the example of docs/firmware.md compiles as strict C99', () => {
  const code = /```c\n([^]*?)```/.exec(readFileSync(path.join(ROOT, 'docs/firmware.md'), 'utf8'))![1]!;
  const file = path.join(os.tmpdir(), `tidelock-example-${process.pid}.c`);
  writeFileSync(file, code);
  run('gcc', [...STRICT, '-O2', `-I${path.join(FIRMWARE, 'include')}`, '-c', file, '-o', '/dev/null']);
});

cxx('the header is C++ too', () => {
  const file = path.join(os.tmpdir(), `tidelock-${process.pid}.cpp`);
  writeFileSync(file, '#include "tidelock.h"\n#include "engine.h"\nalignas(8) static unsigned char memory[TL_MEMORY_BYTES];\nint main() { tl_config c = {}; c.size = sizeof c; c.memory = memory; return tl_memory_bytes() == 0; }\n');
  run('g++', ['-std=c++11', '-pedantic', '-Wall', '-Wextra', '-Werror', '-Wconversion', '-Wno-missing-field-initializers', `-I${path.join(FIRMWARE, 'include')}`, `-I${path.join(FIRMWARE, 'src')}`, '-c', file, '-o', '/dev/null']);
});

c('no heap and no float: what the compiled files ask of a C library is named', () => {
  const allowed = /^(mem(cpy|move|set|cmp)|str(cmp|len)|_?setjmp|_?longjmp|_setjmp|__longjmp_chk|tl_\w+|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__mem\w+_chk)$/;
  for (const file of WASM2C) {
    const object = path.join(os.tmpdir(), `tidelock-${process.pid}.o`);
    run('gcc', ['-O2', `-I${path.join(FIRMWARE, 'include')}`, '-c', path.join(FIRMWARE, file), '-o', object]);
    const wanted = run('nm', ['-u', object]).split('\n').map((line) => line.trim().split(' ').pop()!).filter(Boolean);
    assert.equal(wanted.filter((name) => !allowed.test(name)), [], file);
  }
});

c('the header of numbers is the one of assembly/abi.ts', () => {
  const names = Object.keys(abi) as (keyof typeof abi)[];
  const file = path.join(os.tmpdir(), `tidelock-${process.pid}.c`);
  writeFileSync(file, `#include <stdio.h>\n#include "tidelock_abi.h"\nint main(void) {\n${names.map((name) => `  printf("%lld\\n", (long long)TL_ABI_${name});`).join('\n')}\n}\n`);
  run('gcc', ['-Wall', '-Werror', `-I${path.join(FIRMWARE, 'include')}`, file, '-o', `${file}.out`]);
  assert.equal(run(`${file}.out`, []).trim().split('\n').map(Number), names.map((name) => Number(abi[name])));
});

c('the size at compile time is enough, and what tl_open refuses it says', () => {
  const program = scriptProgram();
  const [needs, has] = /engine (\d+) of (\d+)/.exec(run(program, [], ''))!.slice(1).map(Number);
  assert.ok(needs! <= has! && has! - needs! < 256, `${needs} of ${has}`);
  const [noEntropy] = batch(program, [open()]);
  assert.is(noEntropy!.status, abi.E_ENTROPY, 'no randomness');
  const opened = (line: string): number => batch(program, [`random ${ENTROPY}0a0b0c0d`, line])[1]!.status;
  assert.is(opened(open()), 0);
  assert.is(opened(open({ id: 'x'.repeat(65) })), abi.E_ARGUMENT);
  assert.is(opened(open({ largest: 513 })), abi.E_ARGUMENT);
  assert.is(opened(`open 1000 ${HEX_KEY} pump-7 0 1 0 2048 512 0 -`), 0);
});

/** A session over the script, its peer in memory; `step` moves bytes both ways until both are silent. */
class Session {
  now = 1_000;
  readonly events: Answer['events'] = [];
  readonly lines: string[] = [];
  #random = 0;
  constructor(readonly script: Script, readonly peer: Peer) {}

  static async start(more: Parameters<typeof open>[0] = {}, core = 1): Promise<Session> {
    const session = new Session(await new Script(scriptProgram(core)).ready(), new Peer(Number(more.link ?? 0), 1_000));
    await session.entropy();
    assert.is((await session.script.do(open(more))).status, 0);
    return session;
  }

  async entropy(): Promise<void> {
    await this.script.do('random', Uint8Array.from({ length: 68 }, () => (this.#random = (this.#random * 73 + 41) & 255) || 1));
  }

  async online(): Promise<this> {
    await this.do('start', this.now);
    await this.link();
    return this;
  }

  async link(): Promise<void> {
    this.peer.link(this.now);
    await this.entropy();
    await this.do('connected', this.now);
    assert.ok(this.peer.online, 'a session stands');
  }

  async do(...words: (string | number | Uint8Array)[]): Promise<Answer> {
    const answer = await this.script.do(...words);
    this.note(answer);
    for (const piece of answer.output) this.peer.receive(Buffer.from(piece, 'hex'), this.now);
    await this.step();
    return answer;
  }

  note(answer: Answer): void {
    this.events.push(...answer.events);
    this.lines.push(...answer.lines);
  }

  async step(): Promise<void> {
    for (let bytes = this.peer.toDevice.shift(); bytes; bytes = this.peer.toDevice.shift()) {
      const answer = await this.script.do('receive', this.now, bytes);
      this.note(answer);
      for (const piece of answer.output) this.peer.receive(Buffer.from(piece, 'hex'), this.now);
    }
  }

  async advance(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end;) {
      const { status } = await this.do('poll', this.now);
      this.peer.tick(this.now);
      await this.step();
      this.now = Math.min(end, this.now + Math.max(1, Math.min(status, 1_000)));
    }
    await this.do('poll', this.now);
  }

  of(kind: number): Answer['events'] {
    return this.events.filter((event) => event.kind === kind);
  }

  async end(): Promise<void> {
    assert.is((await this.script.do('close')).status, 0, 'nothing of it is left in its memory');
    assert.is(await this.script.end(), 0, 'sanitizers are silent');
  }
}

const text = (value: string): Buffer => Buffer.from(value);

for (const link of [0, abi.LINK_DATAGRAM]) {
  const on = link ? 'datagrams' : 'a stream';
  c(`on ${on}: messages both ways, posts both ways, the time, a stop`, async () => {
    const s = await (await Session.start({ link, suites: 7 })).online();
    assert.is((await s.script.do('unix', s.now)).lines[0], `unix ${1_750_000_000_000}`);
    for (let i = 0; i < 20; i++) await s.do('send', s.now, 0, 0, text(`up ${i}`));
    assert.equal(s.peer.taken, Array.from({ length: 20 }, (_, i) => `up ${i}`));
    assert.equal(s.of(abi.EV_RESULT).map(({ id, why }) => [id, why]), Array.from({ length: 20 }, (_, i) => [i + 1, 0]));
    for (let i = 0; i < 20; i++) {
      s.peer.send(text(`down ${i}`), s.now);
      await s.step();
    }
    assert.equal(s.of(abi.EV_MESSAGE).map(({ body }) => body.toString()), Array.from({ length: 20 }, (_, i) => `down ${i}`));
    assert.is(s.peer.results.size, 20);
    await s.do('post', s.now, text('reading'));
    assert.equal(s.peer.posted, ['reading']);
    s.peer.post(text('hint'), s.now);
    await s.step();
    assert.is(s.of(abi.EV_MESSAGE).at(-1)!.body.toString(), 'hint');
    assert.is(s.of(abi.EV_MESSAGE).at(-1)!.id, 0);
    await s.do('stop', s.now);
    assert.is(s.of(abi.EV_DISCONNECT).at(-1)!.why, abi.DOWN_HOST);
    assert.not(s.peer.online, 'CLOSE came');
    await s.end();
  });
}

c('verdicts: what the callback returns is the answer; a record that cannot be kept is busy', async () => {
  const s = await (await Session.start()).online();
  await s.script.do('verdict', abi.ACK_REFUSED);
  s.peer.send(text('never'), s.now);
  await s.step();
  assert.is(s.peer.results.get('never'), abi.ACK_REFUSED);
  await s.script.do('verdict', abi.ACK_OK);
  await s.script.do('store', 0);
  s.peer.send(text('later'), s.now);
  await s.step();
  assert.not(s.peer.results.has('later'));
  await s.script.do('store', 1);
  await s.advance(5_000);
  assert.is(s.peer.results.get('later'), abi.ACK_OK);
  assert.equal(s.of(abi.EV_MESSAGE).map(({ body }) => body.toString()), ['never', 'later', 'later']);
  assert.ok(s.lines.filter((line) => line.startsWith('record ')).length >= 2);
  await s.end();
});

c('the record survives a restart: what was acted on is not told again', async () => {
  const s = await (await Session.start()).online();
  s.peer.send(text('once'), s.now);
  await s.step();
  const record = s.lines.filter((line) => line.startsWith('record ')).at(-1)!.slice(7);
  await s.end();
  const again = new Session(await new Script(scriptProgram()).ready(), s.peer);
  s.peer.unlink();
  again.now = 2_000;
  await again.entropy();
  await again.script.do(open({ record }));
  await again.online();
  s.peer.send(text('twice'), again.now);
  await again.step();
  assert.equal(again.of(abi.EV_MESSAGE).map(({ body }) => body.toString()), ['twice']);
  await again.end();
});

c('a call from within the callback is refused and does no harm', async () => {
  const s = await Session.start();
  await s.script.do('reenter', 1);
  await s.online();
  await s.do('send', s.now, 0, 0, text('one'));
  s.peer.send(text('two'), s.now);
  await s.step();
  const told = s.lines.filter((line) => line.startsWith('reentrant'));
  assert.is(told.length, s.events.length);
  assert.equal([...new Set(told)], ['reentrant calls refused: 13 of 13']);
  assert.equal(s.peer.taken, ['one']);
  await s.end();
});

c('lifetime, lost record, loss of the link: each message ends once and for a reason', async () => {
  const s = await Session.start();
  await s.do('start', s.now);
  await s.do('send', s.now, 500, 0, text('short-lived'));
  await s.advance(600);
  assert.equal(s.of(abi.EV_RESULT).map(({ id, why }) => [id, why]), [[1, 4]], 'expired');
  await s.link();
  await s.do('send', s.now, 0, 0, text('kept'));
  // Sent, not acknowledged, the link lost, and the gateway has forgotten all: in doubt, or again where that was asked for.
  s.peer.verdict = () => abi.ACK_BUSY;
  s.peer.unlink();
  await s.do('send', s.now, 0, 0, text('doubtful'));
  await s.do('send', s.now, 0, 1, text('repeated'));
  await s.do('disconnected', s.now);
  s.peer.forget();
  s.peer.verdict = () => abi.ACK_OK;
  await s.advance(3_000);
  assert.ok(s.of(abi.EV_CONNECT).length >= 2, 'it asks for a link again');
  await s.link();
  await s.advance(3_000);
  await s.link();
  await s.advance(1_000);
  assert.equal(s.peer.taken, ['kept', 'repeated']);
  assert.equal(s.of(abi.EV_RESULT).map(({ id, why }) => [id, why]), [[1, 4], [2, 0], [3, 5], [4, 0]]);
  await s.end();
});

c('what has expired in a long outage leaves its room to what comes after it', async () => {
  const s = await Session.start({ outbox: 256 });
  await s.do('start', s.now);
  const statuses = new Set<number | undefined>();
  for (let i = 0; i < 300; i++) {
    statuses.add((await s.do('send', s.now, 500, 0, Buffer.alloc(100, i))).status);
    if (i % 3 === 2) await s.advance(600);
    else if (i % 3 === 0) statuses.add((await s.do('send', s.now, 0, 0, Buffer.alloc(i === 150 ? 20 : 400))).status);
  }
  assert.equal([...statuses].sort(), [-37, abi.OK, abi.E_TOO_LONG].sort(), 'two of 100 bytes fit, one beside what lives, and 400 never do');
  assert.ok(s.of(abi.EV_RESULT).filter(({ why }) => why === 4).length > 140);
  assert.is((await s.do('send', s.now, 0, 0, text('alive'))).status, abi.OK);
  await s.link();
  await s.advance(20_000);
  assert.equal(s.peer.taken.map((body) => body.length > 10 ? body.length : body), [20, 'alive']);
  assert.is((await s.do('queued')).status, 0);
  await s.end();
});

c('the outbox is bounded: full is said, and room comes back', async () => {
  const s = await Session.start({ outbox: 256 });
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await s.do('send', s.now, 0, 0, Buffer.alloc(48, i))).status);
  assert.equal(statuses, [0, 0, 0, 0, -37, -37]);
  assert.is((await s.do('send', s.now, 0, 0, Buffer.alloc(300))).status, abi.E_TOO_LONG);
  await s.online();
  assert.is(s.peer.taken.length, 4);
  for (let i = 0; i < 10; i++) assert.is((await s.do('send', s.now, 0, 0, Buffer.alloc(100, i))).status, 0);
  assert.is(s.peer.taken.length, 14);
  await s.end();
});

c('output that nobody takes holds back, and nothing is lost', async () => {
  const s = await (await Session.start({ outbox: 8000 })).online();
  await s.script.do('hold', 1);
  for (let i = 0; i < 30; i++) await s.do('send', s.now, 0, 0, Buffer.alloc(100, 65 + i));
  assert.is((await s.do('post', s.now, Buffer.alloc(400))).status, abi.E_ROOM);
  await s.do('hold', 0);
  await s.advance(3_000);
  assert.equal(s.peer.taken, Array.from({ length: 30 }, (_, i) => String.fromCharCode(65 + i).repeat(100)));
  await s.end();
});

c('whatever fills the output, a stop ends the session, and what begins anew connects', async () => {
  for (let size = 1; size <= 40; size++) {
    const s = await (await Session.start({ outbox: 8000 })).online();
    await s.script.do('hold', 1);
    for (let i = 0; i < 6; i++) s.peer.send(Buffer.alloc(3, i), s.now);
    await s.step();
    while ((await s.do('post', s.now, Buffer.alloc(size))).status === abi.OK) { /* until it is full */ }
    while ((await s.do('post', s.now, Buffer.alloc(0))).status === abi.OK) { /* to the last byte */ }
    s.peer.send(text('one more'), s.now);
    await s.step();
    await s.script.do('poll', s.now + 30_000);
    assert.is((await s.do('stop', s.now + 30_000)).status, abi.OK, `${size} bytes`);
    const before = s.of(abi.EV_CONNECT).length;
    await s.do('start', s.now + 30_000);
    assert.is(s.of(abi.EV_CONNECT).length, before + 1);
    await s.end();
  }
});

c('a message in parts: put together, or left to its sender where there is no memory for it', async () => {
  for (const parts of [512, 0]) {
    const s = await Session.start({ link: abi.LINK_DATAGRAM, parts });
    await s.online();
    s.peer.setBudget(256);
    s.peer.send(Buffer.alloc(500, 97), s.now);
    await s.step();
    assert.equal(s.of(abi.EV_MESSAGE).map(({ body }) => body.toString()), parts ? ['a'.repeat(500)] : []);
    await s.end();
  }
});

for (const link of [0, abi.LINK_DATAGRAM]) {
  c(`topics on ${link ? 'datagrams' : 'a stream'}: published, delivered, and a bad name is told`, async () => {
    const s = await (await Session.start({ link })).online();
    await s.do('publish', s.now, 'tank/level', 600, text('3.2 m'));
    assert.equal(s.peer.routed, [Buffer.from('025807' + '0a' + Buffer.from('tank/level3.2 m').toString('hex'), 'hex')]);
    await s.do('publish', s.now, 'tank/\u0001', 0, text('x'));
    assert.equal(s.of(abi.EV_RESULT).map(({ id, why }) => [id, why]), [[1, 0], [2, 6]], 'delivered, bad topic');
    s.peer.send(Buffer.concat([Buffer.of(abi.KIND_TOPIC, 4), text('pump'), Buffer.of(abi.TRUST_PROVED), text('on')]), s.now, abi.DELIVER);
    await s.step();
    const { topic, trust, body } = s.of(abi.EV_MESSAGE).at(-1)!;
    assert.equal([topic, trust, body.toString()], ['pump', abi.TRUST_PROVED, 'on']);
    await s.end();
  });
}

c('every status of the core has a name in the header, and words', () => {
  const header = readFileSync(path.join(FIRMWARE, 'include/tidelock.h'), 'utf8');
  const words = readFileSync(path.join(FIRMWARE, 'src/status.c'), 'utf8');
  for (const name of Object.keys(abi).filter((name) => /^(OK|MORE|E_\w+)$/.test(name))) {
    assert.match(header, new RegExp(`TL_${name} = TL_ABI_${name}\\b`));
    assert.match(words, new RegExp(`case TL_${name}:`));
  }
});

c('without randomness there is no HELLO, and the next call may have some', async () => {
  const s = await Session.start();
  await s.do('start', s.now);
  s.peer.link(s.now);
  await s.script.do('poll', s.now);
  const used = await s.script.do('connected', s.now); // 32 of 68 bytes went into tl_open with 4 more: 32 are left
  assert.is(used.status, 0);
  await s.script.do('disconnected', s.now);
  const none = await s.script.do('connected', s.now);
  assert.is(none.status, abi.E_ENTROPY);
  assert.equal(none.output, []);
  await s.entropy();
  assert.is((await s.script.do('connected', s.now)).output.length, 1);
  await s.end();
});

test.run();
