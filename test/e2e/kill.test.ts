/**
 * SIGKILL to the gateway in the middle of a load, three times on one database. What the devices had queued is in the
 * inbox afterwards, each once and in order; what the gateway had queued was obeyed, each once and in order.
 */
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistry, type Ended, type InboxRow, type Registry } from 'tidelock/registry';
import { deviceKey, deviceName, messageText } from './kill-load.js';
import { Child, folder, killChildren, program, quietPort, seeded } from './support.js';

const DEVICES = 100;
const MESSAGES = 40;
/** Commands to each device, shared out over the gateway's lives. */
const COMMANDS = 8;
const KILLS = 3;
const LIVES = KILLS + 1;
/** From the environment, to repeat a run; the kills fall at other counts with each seed. */
const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);

/** Every row, in the inbox's order. */
async function inbox(registry: Registry): Promise<InboxRow[]> {
  const rows: InboxRow[] = [];
  for (;;) {
    const more = await registry.read({ after: rows.at(-1)?.position ?? 0, limit: 1_000 });
    if (more.length === 0) return rows;
    rows.push(...more);
  }
}

test(`the gateway is killed ${KILLS} times under ${DEVICES} devices: nothing is lost, nothing is there or obeyed twice (seed ${SEED})`, async () => {
  const random = seeded(SEED);
  const url = `sqlite:${path.join(folder(), 'gateway.db')}`;
  const listen = `tidelock://127.0.0.1:${await quietPort()}`;
  const prepared = await openRegistry(url);
  await Promise.all(Array.from({ length: DEVICES }, (_, i) => prepared.add(deviceName(i), { key: deviceKey(i) })));
  await prepared.close();

  /** Each device's commands as they were given to the gateway; those that it said stand in the queue, with their names. */
  const given = new Map<string, string[]>();
  const queued = new Map<string, string>();
  const obeyed = new Map<string, string[]>();
  const acked = new Set<string>();
  const errors: string[] = [];
  /** Acknowledgements and commands obeyed: the measure of when to kill. */
  let progress = 0;
  let killAt = Infinity;
  let online = 0;
  let sessions = 0;
  let gateway: Child;

  const devices = new Child(program('kill-devices.ts', listen, String(DEVICES)), (line) => {
    const [word = '', id = '', body = ''] = line.split(' ');
    if (word === 'acked') acked.add(`${id} ${body}`);
    else if (word === 'obeyed') obeyed.set(id, [...(obeyed.get(id) ?? []), body]);
    else {
      if (word === 'online') [online, sessions] = [Number(id), Number(body)];
      return;
    }
    progress += 1;
    if (progress >= killAt) gateway.kill();
  });

  for (let life = 0; life < LIVES; life++) {
    gateway = new Child(program('kill-gateway.ts', url, listen), (line) => {
      const [word = '', body = '', name = ''] = line.split(' ');
      if (word === 'queued') queued.set(body, name);
      else if (word === 'error') errors.push(line);
    });
    await gateway.line('listening');
    await devices.until('every device is online', () => online === DEVICES);
    // A load of 1,200, and what the life before has left; killed where at least a third of it is still to come.
    if (life < KILLS) killAt = progress + 30 + Math.floor(random() * 770);
    devices.tell(`more ${MESSAGES / LIVES}`);
    for (let n = 0; n < COMMANDS / LIVES; n++) {
      for (let i = 0; i < DEVICES; i++) {
        const id = deviceName(i), body = `open-${life}-${n}-${id}`;
        given.set(id, [...(given.get(id) ?? []), body]);
        gateway.tell(`queue ${id} ${body}`);
      }
    }
    if (life === KILLS) break;
    assert.is(await gateway.ended, 'SIGKILL', `the gateway ended by itself in life ${life}`);
    killAt = Infinity;
  }

  await devices.until('every message is acknowledged', () => acked.size === DEVICES * MESSAGES);
  // A command that was given just before a kill may have been queued without a word of it; those that were told must all come.
  const obeyedAll = (): boolean => {
    const seen = new Set([...obeyed.values()].flat());
    return [...queued.keys()].every((body) => seen.has(body));
  };
  await gateway!.until('every command of the last life is queued', () => [...given.values()].every((bodies) => queued.has(bodies.at(-1)!)));
  await devices.until('every queued command is obeyed', obeyedAll);
  gateway!.tell('finish');
  assert.is(await gateway!.ended, 0);
  devices.endInput();
  assert.is(await devices.ended, 0);
  assert.equal(errors, []);

  const registry = await openRegistry(url);
  await registry.check();
  const rows = await inbox(registry);
  assert.is(acked.size, DEVICES * MESSAGES);
  assert.is(rows.length, DEVICES * MESSAGES, 'rows in the inbox');
  assert.is(new Set(rows.map(({ message }) => message)).size, rows.length, 'stable names are unique');
  for (let i = 0; i < DEVICES; i++) {
    const id = deviceName(i);
    const own = rows.filter(({ identity }) => identity === id).map(({ body }) => body.toString());
    assert.equal(own, Array.from({ length: MESSAGES }, (_, n) => messageText(i, n)), `the inbox of ${id}, in order`);
    const did = obeyed.get(id) ?? [], order = given.get(id)!;
    assert.equal(did, order.filter((body) => did.includes(body)), `commands of ${id}: each once, in order`);
    for (const body of order) assert.ok(!queued.has(body) || did.includes(body), `${body} was queued and never obeyed`);
  }
  for (const name of queued.values()) assert.is((await registry.outcome(name) as Ended | undefined)?.end, 'delivered', name);
  assert.is((await registry.info()).queue.messages, 0);
  const repeats = rows.filter(({ repeat }) => repeat).length;
  await registry.close();
  assert.ok(queued.size >= DEVICES * COMMANDS / LIVES, `only ${queued.size} commands`);
  assert.ok(sessions >= DEVICES * LIVES, 'somebody did not come back');
  console.log(`seed ${SEED}: ${rows.length} messages (${repeats} marked as repeats), ${queued.size} commands told as queued of ${DEVICES * COMMANDS}, `
    + `${[...obeyed.values()].flat().length} obeyed, ${sessions} sessions of ${DEVICES} devices, ${KILLS} kills`);
});

test.after.each(killChildren);
test.run();
