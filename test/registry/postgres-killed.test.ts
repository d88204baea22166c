/**
 * The database is killed under a gateway with devices that send all the while, and started again: nothing that was acknowledged is
 * lost, nothing is in the inbox twice, commands go on, and the gateway says what it waits for. Real server, sockets and processes.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Device } from 'tidelock/device';
import { Gateway, type Alarm } from 'tidelock/gateway';
import { openRegistry, type DatabaseState } from 'tidelock/registry';
import { skipMissing } from '../support/skip.js';
import { findPostgres, PostgresServer, query } from '../support/postgres.js';
import { rejects } from './support.js';

const real = process.platform === 'win32' || findPostgres() === undefined ? skipMissing(test, 'PostgreSQL') : test;
const DEVICES = 8;
const gone = (registry: { on(event: 'database', listener: (state: DatabaseState) => void): unknown }, available: boolean): Promise<DatabaseState> =>
  new Promise((resolve) => registry.on('database', (state) => {
    if (state.available === available) resolve(state);
  }));

for (const [busyTimeout, KILLS] of [[50, 3], [5_000, 2]] as const) {
  real(`killed ${KILLS} times mid-load; calls wait ${busyTimeout} ms for it`, async () => {
    const server = await PostgresServer.start();
    const url = await server.place();
    const registry = await openRegistry(url, { busyTimeout });
    const lines: { text: string; database: string; reason: string; since: string }[] = [];
    const logger = {
      debug: () => undefined, info: () => undefined, error: () => undefined,
      warn: (fields: object, text: string) => void (text.startsWith('waiting for the database') && lines.push({ text, ...(fields as { database: string; reason: string; since: string }) })),
    };
    const gateway = await Gateway.listen({ registry, listen: 'tidelock://127.0.0.1:0', logger });
    const alarms: Alarm[] = [];
    gateway.on('alarm', (alarm) => alarms.push(alarm));
    const errors: Error[] = [];
    gateway.on('error', (error) => errors.push(error));

    const acknowledged = new Set<string>();
    const obeyed: string[] = [];
    let stop = false;
    const devices = await Promise.all(Array.from({ length: DEVICES }, async (_, i) => {
      const key = await registry.add(`d${i}`);
      const device = new Device({ url: gateway.address, id: `d${i}`, key });
      device.on('message', (message) => void obeyed.push(`d${i} ${message.text()}`));
      device.on('error', () => undefined);
      return device;
    }));
    const loads = devices.map(async (device, i) => {
      for (let n = 0; !stop; n++) {
        const texts = Array.from({ length: 5 }, (_, k) => `d${i} ${n}.${k}`);
        await Promise.all(texts.map(async (text) => {
          await device.send(text, { lifetime: 600_000 }).acknowledged;
          acknowledged.add(text);
        }));
      }
    });
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
    };

    const commands: Promise<void>[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const before = acknowledged.size;
      await until(() => acknowledged.size >= before + 100);
      commands.push(gateway.send(`d${kill}`, `command ${kill}`, { lifetime: 600_000, doubt: 'repeat' }).acknowledged.catch((error: unknown) => assert.is((error as { code: string }).code, 'DATABASE_UNREACHABLE')));
      const away = gone(registry, false);
      await server.kill();
      const state = await away;
      assert.ok(state.reason !== '');
      assert.ok(Math.abs(Date.now() - state.since) < 60_000);
      if (busyTimeout < 1_000) await until(() => gateway.counters().busy > kill); // told, not left in silence
      const back = gone(registry, true);
      await server.run();
      await back;
    }
    const before = acknowledged.size;
    await until(() => acknowledged.size >= before + 100); // it goes on
    stop = true;
    await Promise.all([...loads, ...commands]);

    assert.ok(lines.length >= KILLS && lines.every(({ database, reason, since }) => database === url && reason !== '' && !Number.isNaN(Date.parse(since))), JSON.stringify(lines));
    assert.ok(alarms.filter(({ kind, text }) => kind === 'database' && text.includes(url) && /since \d{4}-/.test(text)).length >= KILLS);
    assert.equal(errors.map(String), [], 'that the database is away is no fault of each message');
    await Promise.all(devices.map((device) => device.close()));
    await gateway.close();
    await registry.close();

    // What the database itself says.
    const rows = await query(url, "select identity, outbox, id, convert_from(body, 'UTF8') as text from inbox order by position");
    const texts = rows.map(({ text }) => text as string);
    const there = new Set(texts);
    assert.equal([...acknowledged].filter((text) => !there.has(text)), [], 'acknowledged, and nowhere');
    assert.is(there.size, texts.length, 'twice in the inbox');
    const last = new Map<unknown, number>();
    for (const { identity, id } of rows) {
      assert.is(Number(id), (last.get(identity) ?? 1) + 1, `${identity}: in order and without a hole (number 1 is a SKIP)`);
      last.set(identity, Number(id));
    }
    assert.is(new Set(obeyed).size, obeyed.length, 'a command was obeyed twice');
    server.remove();
  });
}

real('what was under way at the kill is known afterwards: queued once, whichever side of the commit it was', async () => {
  const server = await PostgresServer.start();
  const url = await server.place();
  const registry = await openRegistry(url, { thread: false, busyTimeout: 60_000, limits: { queueMessagesPerDevice: 100_000 } });
  await registry.add('a');
  const names = new Set<string>();
  for (let round = 0; round < 4; round++) {
    // A queue of single transactions, one of which the kill meets.
    const calls = Array.from({ length: 60 }, async (_, i) => {
      for (let k = 0; k < i; k++) await Promise.resolve();
      names.add((await registry.enqueue('a', `${round} ${i}`)).message);
    });
    const [first] = calls;
    await first;
    await server.kill();
    await server.run();
    await Promise.all(calls);
  }
  assert.is(names.size, 240);
  const rows = await query(url, "select convert_from(body, 'UTF8') as text from queue order by id");
  assert.is(rows.length, 240, 'queued twice, or not at all');
  assert.is(new Set(rows.map(({ text }) => text)).size, 240);
  await registry.close();
  server.remove();
});

real('away: what is called waits its time and is refused, then refused at once; close does not wait', async () => {
  const server = await PostgresServer.start();
  const url = await server.place();
  const registry = await openRegistry(url, { busyTimeout: 300 });
  await registry.add('a');
  const hold = setInterval(() => undefined, 1_000); // a registry alone holds no process
  const away = gone(registry, false);
  await server.kill();
  await rejects(registry.enqueue('a', 'x'), 'DATABASE_UNREACHABLE', url, 'cannot be reached');
  await away;
  assert.is(registry.database.available, false);
  await rejects(registry.list(), 'DATABASE_UNREACHABLE');
  assert.ok(registry.find('a', 0), 'keys are in memory: a handshake needs no database');
  clearInterval(hold);
  await registry.close();
  server.remove();
});

test.run();
