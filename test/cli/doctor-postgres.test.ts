/** `tidelock doctor` where the database is a server of PostgreSQL. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findPostgres, PostgresServer } from '../support/postgres.js';
import { skipMissing } from '../support/skip.js';
import { inPlace, jsonLines } from './harness.js';

const served = process.platform === 'win32' || findPostgres() === undefined ? skipMissing(test, 'PostgreSQL') : test;

interface Finding {
  check: string;
  verdict: string;
  text: string;
  action?: string;
}

served('a good server, beside a running gateway, and one that is away', async () => {
  const server = await PostgresServer.start();
  await inPlace(async (place) => {
    const database = ['--database', await server.place()];
    const examine = async (): Promise<{ code: number | null; findings: Finding[] }> => {
      const { code, stdout } = await place.run(['doctor', '--json', '--listen', 'tidelock://127.0.0.1:0', ...database]);
      return { code, findings: jsonLines(stdout) as unknown as Finding[] };
    };
    const of = (findings: Finding[], check: string): string[] => findings.filter((finding) => finding.check === check).map(({ verdict, text }) => `${verdict} ${text}`);

    assert.is((await place.run(['devices', 'add', 'pump-7', ...database])).code, 0);
    const alone = await examine();
    assert.is(alone.code, 0, JSON.stringify(alone.findings, null, 1));
    assert.match(of(alone.findings, 'driver')[0]!, /^ok pg, PostgreSQL \d+/);
    assert.match(of(alone.findings, 'database')[0]!, /^ok postgres:.* opens and locks, schema \d+, 1 devices, 0 messages in the inbox/);

    const { gateway } = await place.serve(database);
    const beside = await examine();
    assert.is(beside.code, 0, JSON.stringify(beside.findings, null, 1));
    assert.match(of(beside.findings, 'database')[0]!, /is open in the running gateway/);
    gateway.signal('SIGTERM');
    await gateway.ended();

    server.remove();
    const away = await examine();
    assert.is(away.code, 1);
    assert.match(of(away.findings, 'database')[0]!, /^fail DATABASE_UNREACHABLE: /);
    assert.ok(away.findings.find(({ check }) => check === 'database')!.action);
  });
});

test.run();
