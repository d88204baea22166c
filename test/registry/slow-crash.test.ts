/** SIGKILL in the middle of a load, again and again on the same database: what was promised before is there afterwards. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ended, Waiting } from 'tidelock/registry';
import { newPlace, open, outside } from './support.js';

const CHILD = fileURLToPath(new URL('./crash-child.ts', import.meta.url));
const DEVICES = 6;
const ROUNDS = 10;

/** Lines until the kill: from the first ones on an empty database to well into a load. Killing is not timed, so no fast machine passes by luck. */
function linesBefore(round: number): number {
  return [1, 4, 9, 40, 150, 333, 600, 1_000, 1_500, 2_500][round % 10]!;
}

/** Runs the load until it has said `count` lines, kills it, and returns all that it said. */
async function load(url: string, thread: boolean, count: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, url, thread ? 'thread' : 'alone', String(DEVICES)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === count) child.kill('SIGKILL');
  }
  assert.is(await exited, 'SIGKILL', 'it ended by itself');
  return said;
}

for (const thread of [true, false]) {
  test(`killed ${ROUNDS} times: nothing promised is lost, nothing is there twice (${thread ? 'thread' : 'no thread'})`, async () => {
    const url = await newPlace();
    const acknowledged = new Map<string, number>();
    const names = { Q: new Set<string>(), S: new Set<string>(), D: new Set<string>(), R: new Set<string>() };
    for (let round = 0; round < ROUNDS; round++) {
      for (const line of await load(url, thread, linesBefore(round))) {
        const [kind = '', name = '', id = ''] = line.split(' ');
        if (kind === 'A') acknowledged.set(name, Math.max(acknowledged.get(name) ?? 0, Number(id)));
        else names[kind as keyof typeof names].add(name);
      }
      const registry = await open({}, url);
      await registry.check();
      const rows = await registry.read({ limit: 10_000 });
      assert.is(new Set(rows.map(({ message }) => message)).size, rows.length, 'a message is in the inbox twice');
      for (const { identity, time, body } of rows) assert.is(body.toString(), `${identity}:${time} `.repeat(1 + (time % 40)));
      const inInbox = new Set(rows.map(({ message }) => message));
      for (const { identity } of await registry.list()) {
        const { receipts } = (await registry.takeover(identity, 7))!;
        assert.ok(receipts.inLast >= (acknowledged.get(identity) ?? 0), `${identity}: acknowledged ${acknowledged.get(identity)}, recorded ${receipts.inLast}`);
        // Every message up to the record is in the inbox, or the application has read it; none behind it is there.
        for (let id = 1; id <= receipts.inLast; id++) {
          const name = `${identity}#00000007-${id}`;
          assert.ok(id % 7 === 0 || inInbox.has(name) || names.R.has(name), `${name} was acknowledged and is nowhere`);
        }
        const own = rows.filter((row) => row.identity === identity).map(({ time }) => time);
        assert.equal(own, [...own].sort((a, b) => a - b), 'in order');
        assert.ok((own.at(-1) ?? 0) <= receipts.inLast, 'no message without its receipt');
      }
      for (const name of names.Q) {
        const outcome = (await registry.outcome(name)) as Partial<Ended & Waiting> | undefined;
        assert.ok(outcome, `${name} was queued and is nowhere`);
        if (names.D.has(name)) assert.is(outcome.end, 'delivered');
        else if (names.S.has(name)) assert.ok(outcome.sent === true || outcome.end === 'delivered', `${name} was handed out, and counts as never sent`);
      }
      await registry.close();
    }
    assert.ok(acknowledged.size === DEVICES && names.D.size > 50 && names.R.size > 200, 'the load was none');
    const database = await outside(url);
    const [twice] = await database.all('select count(*) as count from (select 1 from inbox group by identity, outbox, id having count(*) > 1) as twice');
    assert.is(Number(twice!['count']), 0);
    await database.close();
  });
}

test.run();
