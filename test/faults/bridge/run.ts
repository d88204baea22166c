/** The failures of a bridge as a command: see --help. */
import { parseArgs } from 'node:util';
import { haveMosquitto, haveNats } from '../../bridge/brokers.js';
import { findPostgres, PostgresServer } from '../../support/postgres.js';
import { FAULTS, mosquitto, nats, type FaultName } from './failures.js';
import { table } from './table.js';
import { Trial } from './trial.js';

const HELP = `Readings up and commands down through a gateway with a bridge, while one thing after the other fails: the gateway is killed by SIGKILL, stopped by
SIGSTOP, cut from the broker; the broker is restarted (of NATS one node of three is killed); PostgreSQL is killed and started again. Prints what became of all
of it; ends with 1 where a promise was broken.

  node --import tsx test/faults/bridge/run.ts [--readings 100000] [--commands 20000] [--devices 500]

  --readings N   acknowledged readings of all devices together (default 100000)
  --commands N   commands with a tl-id (default 20000)
  --devices N    (default 500)
  --turns N      times that each of them fails (default 2)
  --broker NAME  mosquitto (MQTT 5), mosquitto-311 or nats (default mosquitto)
  --mode MODE    inbox or through (default inbox)
  --sqlite       SQLite in place of PostgreSQL, which then cannot fail
  --stopped MS   how long the gateway is stopped (default 20000)
  --away MS      how long the broker, the way to it and the database are away (default 3000)
  --spoil NAME   breaks a promise of the bridge, and must fail: puback, ack, done or twice
`;

const BROKERS = { mosquitto: () => mosquitto(5), 'mosquitto-311': () => mosquitto(4), nats } as const;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      readings: { type: 'string', default: '100000' }, commands: { type: 'string', default: '20000' }, devices: { type: 'string', default: '500' }, turns: { type: 'string', default: '2' },
      broker: { type: 'string', default: 'mosquitto' }, mode: { type: 'string', default: 'inbox' }, sqlite: { type: 'boolean', default: false },
      stopped: { type: 'string', default: '20000' }, away: { type: 'string', default: '3000' }, spoil: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const make = BROKERS[values.broker as keyof typeof BROKERS] as (() => ReturnType<typeof nats>) | undefined, { mode } = values;
  const [readings = 0, commands = 0, devices = 0, turns = 0, stopped = 0, away = 0] = [values.readings, values.commands, values.devices, values.turns, values.stopped, values.away].map(Number);
  if (make === undefined || (mode !== 'inbox' && mode !== 'through') || ![readings, commands, devices, turns, stopped, away].every((value) => Number.isSafeInteger(value) && value > 0)) {
    process.stderr.write('an option is not understood; see --help\n');
    return 2;
  }
  if (values.broker === 'nats' ? !haveNats : !haveMosquitto) {
    process.stderr.write(`${values.broker} is not here: npm run parts\n`);
    return 2;
  }
  const postgres = values.sqlite || findPostgres() === undefined ? undefined : await PostgresServer.start(), broker = await make();
  const faults: FaultName[] = Array.from({ length: turns }, () => FAULTS.filter((name) => name !== 'database restarted' || postgres !== undefined)).flat();
  try {
    process.stdout.write(`${broker.name}, ${postgres === undefined ? 'SQLite' : 'PostgreSQL'}, mode ${mode}, ${devices} devices\n`);
    const sums = await Trial.run({
      broker, postgres, mode, devices, readings, commands, faults, stopped, away, ...(values.spoil === undefined ? {} : { spoil: values.spoil }),
      say: (text) => process.stderr.write(`${text}\n`),
    });
    process.stdout.write(`${table(sums)}\n`);
    for (const problem of sums.problems) process.stdout.write(`  ${problem}\n`);
    return sums.problems.length > 0 ? 1 : 0;
  } finally {
    await broker.close();
    postgres?.remove();
  }
}

process.exitCode = await main();
