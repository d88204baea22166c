// The firmware of examples/qemu on a board against the real gateway, a process of its own: 1,000 messages each way through the
// board's UART, over frames that were changed, repeated and held back on the way, and over a restart of the gateway.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../../dist/assembly/abi.js';
import { LineSplitter } from '../../dist/host/cli/lines.js';
import { type BoardName, BOARDS } from '../../scripts/lib/firmware/boards.mjs';
import { type EngineName, buildImage } from '../../scripts/lib/firmware/image.mjs';
import { type Place, type Running, inPlace } from '../cli/harness.js';
import { skipMissing } from '../support/skip.js';
import { CLIENT, missingPart } from './images.js';
import { Modem } from './modem.js';

const MESSAGES = 1_000;
const UNDER_WAY = 40; // commands that are not delivered yet
const WINDOW = 4_000; // ms; a busy machine must not make frames stale that nobody held back

interface Line {
  type: string;
  [name: string]: unknown;
}

/** The gateway and its backend, which takes readings and sends commands. */
class Site {
  readonly readings: string[] = [];
  delivered = 0;
  queued = 0;
  sent = 0;
  /** Commands whose end a backend of the gateway before would have been told. */
  untold = 0;
  private paused = true;
  private socket: net.Socket | undefined;
  private gateway: Running | undefined;
  private readonly seen = new Set<unknown>();
  private readonly waiting = new Set<() => void>();

  constructor(private readonly place: Place, private readonly modem: Modem) {}

  async start(): Promise<void> {
    const { gateway, url } = await this.place.serve(['--backend-socket', this.place.path('own/backend.sock'), '--window', String(WINDOW)]);
    this.gateway = gateway;
    this.modem.port = Number(new URL(url.replace(/^[^:]*/, 'http')).port);
    const socket = net.connect(this.place.path('own/backend.sock'));
    this.socket = socket;
    const splitter = new LineSplitter(1 << 20, { line: (line) => this.hear(JSON.parse(line.toString()) as Line), tooLong: () => assert.unreachable() });
    socket.on('data', (chunk) => splitter.push(chunk));
    socket.on('error', () => undefined);
  }

  /** Ends the gateway as an operator does, once it has said of every command that it is queued, and starts another. */
  async restart(): Promise<void> {
    this.paused = true;
    await this.until(() => this.queued === this.sent);
    this.gateway!.signal('SIGTERM');
    await this.gateway!.ended();
    this.untold = this.sent - this.delivered;
    await this.start();
  }

  say(line: object): void {
    this.socket!.write(`${JSON.stringify(line)}\n`);
  }

  /** Sends commands as far as they may be under way. */
  more(): void {
    while (!this.paused && this.sent < MESSAGES && this.sent - this.delivered - this.untold < UNDER_WAY) this.command(`command ${this.sent++}`);
  }

  command(text: string): void {
    this.say({ type: 'send', ref: text, device: 'pump-7', text, lifetime: 600_000 });
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((done) => {
      const look = () => {
        if (!condition()) return;
        this.waiting.delete(look);
        done();
      };
      this.waiting.add(look);
      look();
    });
  }

  private hear(line: Line): void {
    if (line.type === 'hello') {
      this.say({ type: 'ready', version: 1 }); // must be the first line
      this.paused = false;
    }
    if (line.type === 'queued') this.queued++;
    if (line.type === 'result') {
      assert.is(line['state'], 'delivered', JSON.stringify(line));
      this.delivered++;
    }
    if (line.type === 'message') {
      if (!this.seen.has(line['id'])) this.readings.push(String(line['text']));
      this.seen.add(line['id']);
      this.say({ type: 'done', id: line['id'] });
    }
    this.more();
    this.look();
  }

  look(): void {
    for (const look of this.waiting) look();
  }
}

/** The board and what it says. */
export class Board {
  said = '';
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(name: BoardName, image: string, place: Place, modem: Modem, site: { look(): void }) {
    const { qemu } = BOARDS[name];
    const [command, ...words] = qemu
      ? [...qemu, '-kernel', image, '-display', 'none', '-monitor', 'none', '-serial', `tcp:${modem.address},nodelay=on`]
      : [image];
    this.child = spawn(command, words, { cwd: place.folder, stdio: 'pipe' });
    const hear = (text: string) => {
      this.said += text;
      site.look();
    };
    this.child.stderr!.setEncoding('utf8').on('data', hear);
    if (qemu) {
      this.child.stdout!.setEncoding('utf8').on('data', hear);
    } else {
      const [host = '', port] = modem.address.split(':');
      const socket = net.connect(Number(port), host);
      this.child.stdout!.pipe(socket).on('error', () => undefined).pipe(this.child.stdin!).on('error', () => undefined);
    }
    this.ended = new Promise((done) => this.child.once('close', (code) => done(code)));
  }

  /** The last number that it said behind this word. */
  last(word: string): number | undefined {
    const found = [...this.said.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].at(-1);
    return found && Number(found[1]);
  }

  count(line: string): number {
    return this.said.split('\n').filter((each) => each === line).length;
  }
}

const BAD_TAG = `refused ${abi.REFUSED_BAD_TAG}`;
const STALE = `refused ${abi.REFUSED_STALE}`;
const isMessage = (frame: Buffer) => (frame[0]! & 31) === 8;

async function hold(board: BoardName, engine: EngineName, core: string): Promise<void> {
  const image = await buildImage({ board, engine, core, sources: ['dist/firmware/examples/qemu/main.c', 'dist/firmware/boards/modem.c', ...CLIENT] });
  await inPlace(async (place) => {
    assert.is((await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key'])).code, 0);
    writeFileSync(place.path('device.key'), Buffer.from(readFileSync(place.path('pump-7.key'), 'latin1').trim(), 'hex'));
    writeFileSync(place.path('device.txt'), `pump-7\n${MESSAGES}\n`);
    symlinkSync('/dev/urandom', place.path('random'));
    const modem = await Modem.listen();
    const site = new Site(place, modem);
    const device = { current: undefined as Board | undefined };
    try {
      await site.start();
      const running = (device.current = new Board(board, image, place, modem, site));
      let ended: number | null | undefined;
      void running.ended.then((code) => {
        ended = code;
        site.look();
      });
      const until = async (what: string, condition: () => boolean) => {
        await site.until(() => condition() || ended !== undefined);
        assert.ok(condition(), `${what}; the board ended with ${ended} and said:\n${running.said.slice(-2_000)}`);
      };
      /** Once, to the next message on its way to the device. */
      const once = (act: (frame: Buffer) => Buffer[] | number) => {
        modem.hand = (frame) => {
          if (!isMessage(frame)) return [frame];
          modem.hand = (next) => [next];
          return act(frame);
        };
      };
      await until('150 commands are delivered', () => site.delivered >= 150);

      // One bit of a message is another: the device refuses it, ends the link, and comes back.
      once((frame) => {
        const changed = Buffer.from(frame);
        changed[changed.length - 20]! ^= 1;
        return [changed];
      });
      await until('the changed frame is refused', () => running.count(BAD_TAG) === 1);
      await until('a second session', () => running.count('online 1') === 2 && site.delivered >= 300);

      // A message twice: on a stream the counter says so, by the tag.
      let kept: Buffer | undefined;
      once((frame) => [frame, (kept = Buffer.from(frame))]);
      await until('the repeated frame is refused', () => running.count(BAD_TAG) === 2);
      // And one of an earlier session.
      await until('a third session', () => running.count('online 1') === 3 && site.delivered >= 450);
      once((frame) => [kept!, frame]);
      await until("the earlier session's frame is refused", () => running.count(BAD_TAG) === 3);
      await until('a fourth session', () => running.count('online 1') === 4 && site.delivered >= 600);

      // A message that comes late is refused, the session goes on, and the message comes again.
      once(() => WINDOW + 1_500);
      await until('the late frame is refused', () => running.count(STALE) >= 1);
      await until('750 commands are delivered', () => site.delivered >= 750);

      const before = running.count('online 1');
      await site.restart();
      await until('a session with the new gateway', () => running.count('online 1') > before);
      await until('all messages have come both ways', () => site.delivered + site.untold === MESSAGES && running.last('commands') === MESSAGES && site.readings.length === MESSAGES);
      assert.equal(site.readings, Array.from({ length: MESSAGES }, (_, i) => `reading ${String(i).padStart(4, '0')}`), 'each once, in order');
      site.command('stop');
      assert.is(await running.ended, 0, running.said);
      assert.is(running.last('readings'), MESSAGES);
      assert.is(running.last('commands'), MESSAGES);
      assert.is(running.last('bad tags'), 3);
      assert.ok(Math.abs(running.last('unix time')! - Date.now() / 1_000) < 5 + WINDOW / 1_000, 'the time came with the handshake');
    } finally {
      device.current?.child.kill('SIGKILL');
      modem.close();
    }
  });
}

export function sessions(board: BoardName, engines: readonly EngineName[], core = 'core-device'): void {
  for (const engine of engines) {
    const missing = missingPart(board, engine);
    const run = missing ? skipMissing(test, missing) : test;
    run(`${board}, ${engine}: 1,000 messages each way over tampering, replay, delay and a restart of the gateway`, () => hold(board, engine, core));
  }
  test.run();
}
