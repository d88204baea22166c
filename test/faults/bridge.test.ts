/**
 * The failures of a bridge in short: gateway, devices, broker and database as processes of their own, every failure once. The whole is a command:
 * docs/faults.md, "With a broker". A bridge that breaks a promise must be seen to.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { haveMosquitto } from '../bridge/brokers.js';
import { killChildren } from '../e2e/support.js';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { skip, skipMissing } from '../support/skip.js';
import { FAULTS, mosquitto, type FaultName, type TrialBroker } from './bridge/failures.js';
import { table } from './bridge/table.js';
import { Trial, type TrialOptions, type TrialSums } from './bridge/trial.js';

const LOAD = { mode: 'inbox', devices: 20, readings: 1_200, commands: 240, stopped: 3_000, away: 1_500 } as const;

async function run(broker: TrialBroker, faults: readonly FaultName[], options: Partial<TrialOptions> = {}): Promise<TrialSums> {
  const postgres = faults.includes('database restarted') ? await PostgresServer.start() : undefined;
  try {
    return await Trial.run({ ...LOAD, broker, postgres, faults, ...options });
  } finally {
    await broker.close();
    postgres?.remove();
  }
}

function show(what: string, sums: TrialSums): void {
  console.log(`${what}\n${table(sums)}`);
}

function whole(sums: TrialSums): void {
  assert.equal(sums.problems, []);
  assert.is(sums.lost, 0);
  assert.is(sums.commands, LOAD.commands);
  assert.is(sums.delivered + sums.expired + sums.inDoubt, sums.commands);
  assert.ok(sums.obeyed >= sums.delivered);
}

const posix = process.platform !== 'win32';
const need = (part: string, there: boolean): typeof test | ReturnType<typeof skip> => (!posix ? skip(test, 'signals of POSIX only') : there ? test : skipMissing(test, part));
const withMosquitto = need('mosquitto and mosquitto-clients', haveMosquitto);

need('mosquitto and PostgreSQL', haveMosquitto && findPostgres() !== undefined)('mosquitto and PostgreSQL: every failure in turn, nothing lost, nothing obeyed twice, no end that is not true', async () => {
  const sums = await run(await mosquitto(5), FAULTS);
  show('mosquitto, MQTT 5, PostgreSQL', sums);
  whole(sums);
  assert.is(sums.acknowledged, LOAD.readings);
});

withMosquitto('mode through, mosquitto by MQTT 3.1.1', async () => {
  const sums = await run(await mosquitto(4), FAULTS.filter((name) => name !== 'database restarted'), { mode: 'through' });
  show('mosquitto, MQTT 3.1.1, SQLite, mode through', sums);
  whole(sums);
  assert.is(sums.acknowledged + sums.readingsInDoubt, LOAD.readings);
});

/** What the gateway breaks, what fails then, and how the books call it. */
const SPOILED = [
  ['puback', ['gateway killed', 'gateway killed'], /^no result/],
  ['ack', ['gateway killed', 'gateway killed'], /^lost/],
  ['done', ['cut from the broker', 'cut from the broker'], /^lost/],
  ['twice', ['gateway killed', 'cut from the broker', 'broker restarted'], /^obeyed twice/],
] as const;

for (const [spoil, faults, problem] of SPOILED) {
  withMosquitto(`a bridge that breaks a promise is found out: ${spoil}`, async () => {
    const { problems } = await run(await mosquitto(5), faults, { spoil });
    assert.not(problems.some((text) => text.startsWith('gateway ended')), `a gateway that falls breaks another promise: ${problems.join(' | ')}`);
    assert.ok(problems.some((text) => problem.test(text)), `the books show nothing of it: ${problems.join(' | ')}`);
  });
}

test.after.each(killChildren);
test.run();
