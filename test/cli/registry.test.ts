/** `tidelock registry`: keys wrapped under a master key, by every command that opens the database. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistry } from 'tidelock/registry';
import { createProgress } from '../../dist/host/cli/progress.js';
import { skip } from '../support/skip.js';
import { inPlace, jsonLines, posix, type Place } from './harness.js';

const test = suite('registry');
const onPosix = posix ? test : skip(test, 'signals, modes and sockets in the file system are POSIX');

const MASTER = ['--master-key-file', 'keys/master.key'];

async function ok(place: Place, words: string[], environment: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await place.run(words, { environment });
  assert.is(code, 0, `${words.join(' ')}: ${stderr}`);
  return stdout;
}

/** The code of the one error that it ends with. */
async function failure(place: Place, words: string[], environment: Record<string, string> = {}): Promise<string> {
  const { code, stderr } = await place.run(words, { environment });
  assert.is(code, 1, `${words.join(' ')}: ${stderr}`);
  return /^tidelock: (\w+): /m.exec(stderr)![1]!;
}

async function withDevice(place: Place): Promise<void> {
  mkdirSync(place.path('keys'));
  await ok(place, ['keygen', 'keys/master.key']);
  await ok(place, ['devices', 'add', 'pump-7', '--key-file', 'pump-7.key']);
}

const hexOf = (place: Place, file: string): string => readFileSync(place.path(file), 'utf8').trim();

test('wrap, use, rewrap, unwrap; a command that is given again says that it was done', () =>
  inPlace(async (place) => {
    await withDevice(place);
    const key = Buffer.from(hexOf(place, 'pump-7.key'), 'hex');
    assert.is(await failure(place, ['devices', 'list', ...MASTER]), 'KEYS_NOT_WRAPPED');
    assert.is(await failure(place, ['registry', 'wrap']), 'INPUT_INVALID');
    assert.match(await ok(place, ['registry', 'wrap', ...MASTER]), /^1 keys are wrapped under the master key now\n$/);
    assert.match(await ok(place, ['registry', 'wrap', ...MASTER]), /already/);
    assert.not.ok(readFileSync(place.path('tidelock.db')).includes(key));
    for (const words of [['devices', 'list'], ['devices', 'add', 'x'], ['serve', '--listen', 'tidelock://127.0.0.1:0'], ['restored'], ['decode', '00', '--database', 'sqlite:tidelock.db']]) {
      assert.is(await failure(place, words), 'MASTER_KEY_MISSING', words.join(' '));
    }
    await ok(place, ['devices', 'add', 'pump-8', ...MASTER]);
    await ok(place, ['decode', '00', '--database', 'sqlite:tidelock.db', ...MASTER]);

    await ok(place, ['keygen', 'keys/next.key']);
    assert.is(await failure(place, ['registry', 'wrap', '--master-key-file', 'keys/next.key']), 'MASTER_KEY_WRONG');
    assert.equal(jsonLines(await ok(place, ['registry', 'rewrap', ...MASTER, '--new-master-key-file', 'keys/next.key', '--json'])), [{ state: 'wrapped', changed: true, keys: 2 }]);
    assert.equal(jsonLines(await ok(place, ['registry', 'rewrap', ...MASTER, '--new-master-key-file', 'keys/next.key', '--json'])), [{ state: 'wrapped', changed: false }]);
    assert.is(await failure(place, ['devices', 'list', ...MASTER]), 'MASTER_KEY_WRONG');
    await ok(place, ['devices', 'list', '--master-key-file', 'keys/next.key']);
    assert.is(await failure(place, ['registry', 'unwrap']), 'INPUT_INVALID');
    await ok(place, ['registry', 'unwrap', '--master-key-file', 'keys/next.key']);
    assert.match(await ok(place, ['registry', 'unwrap', '--master-key-file', 'keys/next.key']), /already/);
    assert.ok(readFileSync(place.path('tidelock.db')).includes(key));
  }));

onPosix('a gateway runs on wrapped keys; while it does, their form is not changed, and commands need no master key', () =>
  inPlace(async (place) => {
    await withDevice(place);
    await ok(place, ['registry', 'wrap', ...MASTER]);
    const { url } = await place.serve(MASTER);
    assert.is(await failure(place, ['registry', 'rewrap', ...MASTER, '--new-master-key-file', 'pump-7.key']), 'GATEWAY_RUNNING');
    await ok(place, ['devices', 'add', 'pump-8', '--key-file', 'pump-8.key']);
    for (const id of ['pump-7', 'pump-8']) {
      const sent = await place.run(['device', '--id', id, '--key-file', `${id}.key`, url], { input: 'hello\n' });
      assert.is(sent.code, 0, sent.stderr);
    }
  }));

onPosix('the variable is read, and no backend inherits it', () =>
  inPlace(async (place) => {
    await withDevice(place);
    const environment = { TIDELOCK_MASTER_KEY: hexOf(place, 'keys/master.key') };
    await ok(place, ['registry', 'wrap'], environment);
    await ok(place, ['devices', 'list'], environment);
    for (const value of ['', 'secret', '0'.repeat(64)]) {
      const { stderr } = await place.run(['devices', 'list'], { environment: { TIDELOCK_MASTER_KEY: value } });
      assert.match(stderr, /BAD_KEY: the key of the variable TIDELOCK_MASTER_KEY/);
      assert.not.match(stderr, /secret/);
    }
    const backend = `node -e "require('fs').writeFileSync('seen', Object.keys(process.env).join(' ')); process.stdin.resume()"`;
    const { gateway } = await place.serve(['--backend', backend], { environment: { ...environment, TIDELOCK_DRAIN: '100' } });
    await gateway.line('stderr', /backend started/);
    for (;;) {
      try {
        const seen = readFileSync(place.path('seen'), 'utf8');
        if (seen !== '') {
          assert.ok(seen.includes('TIDELOCK_DRAIN') && !seen.includes('TIDELOCK_MASTER_KEY'), seen);
          break;
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const both = await place.run(['devices', 'list', ...MASTER], { environment });
    assert.is(both.code, 2);
    assert.match(both.stderr, /both given/);
  }));

interface Finding {
  verdict: string;
  text: string;
}

test('doctor says how keys lie, whether the master key fits, and where it lies', () =>
  inPlace(async (place) => {
    const keysOf = async (...words: string[]): Promise<Finding[]> => {
      const { stdout } = await place.run(['doctor', '--json', '--listen', 'tidelock://127.0.0.1:0', ...words]);
      return jsonLines(stdout).filter(({ check }) => check === 'keys') as unknown as Finding[];
    };
    await withDevice(place);
    assert.match((await keysOf())[0]!.text, /as they are.*registry wrap/);
    assert.match((await keysOf(...MASTER))[0]!.text, /^KEYS_NOT_WRAPPED/);
    await ok(place, ['registry', 'wrap', ...MASTER]);
    assert.equal(await keysOf(...MASTER).then((found) => found.map(({ verdict }) => verdict)), ['ok']);
    assert.match((await keysOf())[0]!.text, /^MASTER_KEY_MISSING/);
    assert.match((await keysOf('--master-key-file', 'pump-7.key')).at(-1)!.text, /^MASTER_KEY_WRONG/);
    assert.match((await keysOf('--master-key-file', 'none.key'))[0]!.text, /^KEY_FILE_UNREADABLE/);
    writeFileSync(place.path('beside.key'), readFileSync(place.path('keys/master.key')), { mode: 0o600 });
    const beside = await keysOf('--master-key-file', 'beside.key');
    assert.equal(beside.map(({ verdict }) => verdict), ['warn', 'ok']);
    assert.match(beside[0]!.text, /beside the database/);
    if (!posix) return;
    chmodSync(place.path('keys/master.key'), 0o644);
    const open = await keysOf(...MASTER);
    assert.equal(open.map(({ verdict }) => verdict), ['fail']);
    assert.match(open[0]!.text, /^KEY_FILE_MODE/);
  }));

test('a database that was wrapped in code opens by the command, and the other way round', () =>
  inPlace(async (place) => {
    mkdirSync(place.path('keys'));
    await ok(place, ['keygen', 'keys/master.key']);
    const masterKey = Buffer.from(hexOf(place, 'keys/master.key'), 'hex');
    const registry = await openRegistry(`sqlite:${place.path('tidelock.db')}`, { masterKey });
    await registry.add('a');
    await registry.close();
    assert.equal(jsonLines(await ok(place, ['devices', 'list', '--json', ...MASTER])).map(({ identity }) => identity), ['a']);
  }));

test('progress comes once a second, for what takes longer than one', () => {
  let now = 0;
  const lines: string[] = [];
  const tell = createProgress('keys', () => now, (line) => lines.push(line));
  for (now = 0; now < 3_500; now += 100) tell(now, 3_500);
  assert.equal(lines, ['tidelock: 1000 of 3500 keys\n', 'tidelock: 2000 of 3500 keys\n', 'tidelock: 3000 of 3500 keys\n']);
});

test.run();
