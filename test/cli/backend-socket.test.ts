/** `tidelock serve --backend-socket`: backends that come and go, and what is wrong with what they say. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import net from 'node:net';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LineSplitter } from '../../dist/host/cli/lines.js';
import { found, skip, skipMissing } from '../support/skip.js';
import { inPlace, posix, type Place, type Running } from './harness.js';

const test = suite('backend socket');
const onPosix = posix ? test : skip(test, 'modes and sockets in the file system are POSIX');

interface Line {
  type: string;
  [name: string]: unknown;
}

/** A backend in this process. */
class Backend {
  readonly lines: Line[] = [];
  closed = false;
  readonly socket: net.Socket;
  #looks = new Set<() => void>();

  constructor(path: string) {
    this.socket = net.connect(path);
    const splitter = new LineSplitter(1 << 20, { line: (line) => this.lines.push(JSON.parse(line.toString()) as Line), tooLong: () => assert.unreachable() });
    const look = (): void => this.#looks.forEach((run) => run());
    this.socket.on('data', (chunk) => {
      splitter.push(chunk);
      look();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
      look();
    });
  }

  say(line: object | string): void {
    this.socket.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!condition() && !this.closed) return;
        this.#looks.delete(look);
        if (condition()) resolve();
        else reject(new Error(`closed before ${what}: ${JSON.stringify(this.lines.slice(-3))}`));
      };
      this.#looks.add(look);
      look();
    });
  }

  async line(type: string, fields: object = {}): Promise<Line> {
    const find = (): Line | undefined => this.lines.find((line) => line.type === type && Object.entries(fields).every(([name, value]) => line[name] === value));
    await this.until(`${type} ${JSON.stringify(fields)}`, () => find() !== undefined);
    return find()!;
  }
}

const address = (place: Place): string => (posix ? place.path('own/backend.sock') : `\\\\.\\pipe\\tidelock-test-${process.pid}`);

async function serve(place: Place, ...words: string[]): Promise<{ gateway: Running; url: string }> {
  assert.is((await place.run(['devices', 'add', 'pump-7', '--key-file', 'pump-7.key'])).code, 0);
  return place.serve(['--backend-socket', address(place), ...words]);
}

function device(place: Place, url: string): Running {
  return place.start(['device', '--id', 'pump-7', '--key-file', 'pump-7.key', '--listen', '--json', url]);
}

test('messages, done, pushes and their results; an end that is asked for later', () =>
  inPlace(async (place) => {
    const { gateway, url } = await serve(place);
    const backend = new Backend(address(place));
    const hello = await backend.line('hello');
    assert.equal([hello['version'], hello['window'], hello['largest']], [1, 64, 131_072]);
    backend.say({ type: 'ready', version: 1 });
    const pump = device(place, url);
    pump.child.stdin!.write(Buffer.from([0xff, 10]));
    const message = await backend.line('message');
    assert.equal([message['device'], message['base64'], message['text']], ['pump-7', '/w==', undefined]);
    backend.say({ type: 'done', id: message['id'] });
    backend.say({ type: 'send', ref: 'a', device: 'pump-7', text: 'open "é"' });
    const queued = await backend.line('queued', { ref: 'a' });
    assert.is(queued['online'], true);
    const { message: name } = await backend.line('result', { ref: 'a', state: 'delivered' });
    assert.is(name, queued['message']);
    assert.is((JSON.parse(await pump.line('stdout', /open/)) as { text: string }).text, 'open "é"');
    backend.say({ type: 'post', ref: 1, device: 'pump-7', base64: 'AAE=' });
    await backend.line('result', { ref: 1, state: 'posted' });
    await pump.line('stdout', /\\u0000\\u0001/);
    backend.say({ type: 'post', ref: 2, device: 'nobody', text: 'x' });
    await backend.line('result', { ref: 2, state: 'dropped' });
    backend.say({ type: 'send', ref: 3, device: 'nobody', text: 'x' });
    const unknown = await backend.line('result', { ref: 3, state: 'unknown device' });
    assert.is((unknown['error'] as { code: string }).code, 'DEVICE_UNKNOWN');
    pump.signal('SIGKILL');
    await pump.ended();
    backend.say({ type: 'send', ref: 4, device: 'pump-7', text: 'late', lifetime: 1 });
    backend.say({ type: 'send', ref: 5, device: 'pump-7', text: 'x'.repeat(16_376) });
    await backend.line('result', { ref: 5, state: 'too long' });
    const { state } = await backend.line('result', { ref: 4 });
    assert.ok(state === 'expired' || state === 'in doubt', String(state));
    backend.socket.destroy();
    const next = new Backend(address(place));
    next.say({ type: 'ready', version: 1 });
    next.say({ type: 'outcome', ref: 6, message: name });
    await next.line('result', { ref: 6, state: 'delivered' });
    next.say({ type: 'outcome', ref: 7, message: 'pump-7#00000000-1' });
    await next.line('result', { ref: 7, state: 'unknown' });
    assert.equal(next.lines.filter(({ type }) => type === 'message'), [], 'what was done does not come again');
    gateway.signal('SIGTERM');
    await next.line('closing');
    assert.is((await gateway.ended()).code, 0);
  }));

test('a queue that is full says so, and takes again once there is room', () =>
  inPlace(async (place) => {
    const { gateway } = await serve(place, '--limit', 'queueMessagesPerDevice=3');
    const backend = new Backend(address(place));
    backend.say({ type: 'ready', version: 1 });
    for (let ref = 1; ref <= 5; ref++) backend.say({ type: 'send', ref, device: 'pump-7', text: String(ref) });
    await backend.line('result', { ref: 4, state: 'queue full' });
    await backend.line('result', { ref: 5, state: 'queue full' });
    gateway.signal('SIGTERM');
    assert.is((await gateway.ended()).code, 0);
    assert.equal(backend.lines.filter(({ type }) => type === 'result').map(({ ref }) => ref), [4, 5], 'what is queued stays queued, and has no end yet');
  }));

test('one has the messages: a second is refused, one that only sends is not, and the next takes the place', () =>
  inPlace(async (place) => {
    const { gateway, url } = await serve(place);
    const first = new Backend(address(place));
    first.say({ type: 'ready', version: 1, window: 1 });
    await gateway.line('stderr', /"window":1.*backend ready/);
    const second = new Backend(address(place));
    second.say({ type: 'ready', version: 1 });
    assert.is(((await second.line('error'))['error'] as { code: string }).code, 'BACKEND_TAKEN');
    await second.until('it is closed', () => second.closed);
    const sender = new Backend(address(place));
    sender.say({ type: 'ready', version: 1, messages: false });
    sender.say({ type: 'send', ref: 1, device: 'pump-7', text: 'x' });
    await sender.line('queued');
    const pump = device(place, url);
    pump.child.stdin!.write('one\ntwo\n');
    const { id } = await first.line('message', { text: 'one' });
    first.socket.destroy();
    const next = new Backend(address(place));
    next.say({ type: 'ready', version: 1 });
    assert.is((await next.line('message', { text: 'one' }))['id'], id);
    await next.line('message', { text: 'two' });
    assert.equal(sender.lines.filter(({ type }) => type === 'message'), []);
    assert.is(first.lines.filter(({ type }) => type === 'message').length, 1, 'its window was 1');
  }));

test('each fault is named with its line, and the lines after it are taken', () =>
  inPlace(async (place) => {
    const { gateway } = await serve(place);
    const backend = new Backend(address(place));
    const wrong: [line: string, problem: RegExp][] = [
      ['{', /no JSON/],
      ['[]', /no JSON object/],
      ['{}', /"type" is missing/],
      ['{"type":"toString"}', /must be one of/],
      ['{"type":"done"}', /"id" is missing/],
      ['{"type":"done","id":"pump-7#1-1"}', /no message that this backend holds/],
      ['{"type":"send","device":"pump-7","text":"x"}', /"ref" is missing/],
      ['{"type":"send","ref":1,"device":"pump-7","text":"x","lifetme":1}', /lifetme/],
      ['{"type":"send","ref":1,"device":"pump-7","text":"x","lifetime":"soon"}', /"lifetime" is "soon"/],
      ['{"type":"send","ref":1,"device":"pump-7"}', /either "text" or "base64"/],
      ['{"type":"send","ref":1,"device":"pump-7","base64":"a"}', /no base64/],
      ['{"type":"send","ref":1,"device":"pump-7","text":"\\ud800"}', /surrogate/],
      [`{"type":"send","ref":"${'r'.repeat(65)}","device":"pump-7","text":"x"}`, /"ref"/],
      ['{"type":"ready","version":1}', /said before/],
      ['x'.repeat(131_073), /longer than 131072 bytes/],
    ];
    backend.say({ type: 'ready', version: 1 });
    for (const [line] of wrong) backend.say(line);
    backend.say('');
    backend.say({ type: 'outcome', ref: 'last', message: 'x' });
    await backend.line('result', { ref: 'last' });
    const errors = backend.lines.filter(({ type }) => type === 'error');
    assert.equal(errors.map(({ line }) => line), wrong.map((_, index) => index + 2));
    wrong.forEach(([, problem], index) => {
      const { code, problem: said } = errors[index]!['error'] as { code: string; problem: string };
      assert.is(code, 'BACKEND_LINE');
      assert.match(said, problem);
    });
    assert.is(errors[7]!['ref'], 1, 'a ref that can be read comes back');
    for (let i = 0; i < 100; i++) backend.say('{');
    await backend.until('it is given up', () => backend.closed);
    assert.is((backend.lines.at(-1)!['error'] as { code: string }).code, 'BACKEND_GIVEN_UP');
    const early = new Backend(address(place));
    early.say({ type: 'outcome', ref: 1, message: 'x' });
    await early.until('it is given up', () => early.closed);
    const newer = new Backend(address(place));
    newer.say({ type: 'ready', version: 2 });
    assert.match(((await newer.line('error', { line: 1 }))['error'] as { problem: string }).problem, /speaks version 1/);
    await newer.until('it is given up', () => newer.closed);
    gateway.signal('SIGTERM');
    assert.is((await gateway.ended()).code, 0);
  }));

onPosix('the socket is for its owner alone, and goes with the gateway', () =>
  inPlace(async (place) => {
    const { gateway } = await serve(place);
    assert.is(statSync(address(place)).mode & 0o777, 0o600);
    assert.is(statSync(place.path('own')).mode & 0o777, 0o700);
    const second = await place.run(['serve', '--listen', 'tidelock://127.0.0.1:0', '--database', 'sqlite:other.db', '--backend-socket', address(place)]);
    assert.is(second.code, 1);
    assert.match(second.stderr, /BACKEND_SOCKET: the backend socket .* is in use/);
    gateway.signal('SIGTERM');
    assert.is((await gateway.ended()).code, 0);
    assert.not(existsSync(address(place)));
  }));

(posix && found('php') ? test : skipMissing(test, 'php'))('the page of docs/backends.md that sends a command', () =>
  inPlace(async (place) => {
    const { url } = await serve(place);
    const pump = device(place, url);
    await pump.line('stderr', /"state":"online"/);
    const doc = readFileSync(new URL('../../docs/backends.md', import.meta.url), 'utf8');
    const page = /```php\n([^]*?)```/.exec(doc)![1]!.replace('/run/tidelock/backend.sock', address(place));
    const { stdout, stderr } = spawnSync('php', ['-r', page], { encoding: 'utf8' });
    assert.is(stdout, 'delivered', stderr);
  }));

test.run();
