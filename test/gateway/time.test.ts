/** A gateway that is told of its clock by time servers, and tells others the time. */
import * as assert from 'uvu/assert';
import type { Alarm, Logger } from 'tidelock/gateway';
import { ask } from '../../dist/host/time/query.js';
import { FakeServer } from '../time/support.js';
import { listen, test, TestClock, until } from './support.js';

function memoryLog(): { lines: string[]; logger: Logger } {
  const lines: string[] = [];
  const add = (level: string) => (fields: object, text: string): void => void lines.push(`${level} ${text} ${JSON.stringify(fields)}`);
  return { lines, logger: { debug: add('debug'), info: add('info'), warn: add('warn'), error: add('error') } };
}

test('a clock that is off by more than a quarter of the window: told once, in log, alarm and counters, and again when it is right', async () => {
  const clock = new TestClock();
  const server = await FakeServer.start(clock, -501); // ours is ahead; the window is 2,000 ms
  const { lines, logger } = memoryLog();
  const gateway = await listen({ clock, sntp: server.text, logger });
  const alarms: Alarm[] = [];
  gateway.on('alarm', (alarm) => void alarms.push(alarm));
  assert.is(gateway.counters().clockError, undefined);
  await until('an alarm', () => alarms.length > 0);
  assert.ok(Math.abs(gateway.counters().clockError! - 501) < 0.01);
  assert.is(alarms[0]!.kind, 'clock error');
  assert.match(alarms[0]!.text, /501 ms ahead of/);
  server.right(clock, -400);
  for (let i = 0; i < 60; i++) await clock.advance(64_000);
  await until('told that it is right', () => lines.some((line) => line.startsWith('info the clock of this machine is right')));
  assert.is(alarms.length, 1);
  assert.is(lines.filter((line) => line.startsWith('warn the clock of this machine is off')).length, 1);
  await gateway.close();
  server.close();
});

test('a time server that is away is one line, however long it lasts', async () => {
  const clock = new TestClock();
  const server = await FakeServer.start(clock);
  server.reply = () => [];
  const { lines, logger } = memoryLog();
  const gateway = await listen({ clock, sntp: [server.text], logger });
  await until('asked', () => server.requests.length > 0);
  for (let i = 0; i < 600; i++) await clock.advance(10_000);
  assert.ok(server.requests.length > 3);
  assert.is(lines.filter((line) => line.includes('gives no time')).length, 1, lines.join('\n'));
  assert.is(gateway.counters().clockError, undefined);
  await gateway.close();
  server.close();
});

test('time for others: from the gateway, by its rates, and refused where nobody is asked', async () => {
  const clock = new TestClock();
  const server = await FakeServer.start(clock);
  const { lines, logger } = memoryLog();
  const gateway = await listen({ clock, sntp: server.text, sntpListen: '127.0.0.1:0', logger, limits: { helloBurst: 3, helloRate: 1 } });
  await until('compared', () => gateway.counters().clockError !== undefined);
  const { address } = JSON.parse(lines.find((line) => line.startsWith('info answering SNTP'))!.slice('info answering SNTP '.length)) as { address: string };
  const [host, port] = [address.split(':')[0]!, Number(address.split(':')[1])];
  for (let i = 0; i < 3; i++) assert.is((await ask({ host, port }, clock)).kind, 'sample');
  const fourth = ask({ host, port }, clock);
  await until('dropped', () => gateway.counters().sntpDropped === 1);
  await clock.advance(2_000);
  assert.is((await fourth).kind, 'silent');
  assert.is((await ask({ host, port }, clock)).kind, 'sample', 'the bucket has filled up again');
  assert.is(gateway.counters().sntpAnswered, 4);
  await gateway.close();
  assert.is.not((await Promise.all([ask({ host, port }, clock), clock.advance(2_000)]))[0].kind, 'sample');
  server.close();
});

for (const [options, expected] of [
  [{ sntpListen: '0.0.0.0:123' }, /without `sntp`/],
  [{ sntp: 'http://pool.ntp.org' }, /without a scheme/],
  [{ sntp: ['a:1', 'b:99999'] }, /host:port/],
  [{ sntp: '' }, /host:port/],
  [{ sntp: Array<string>(17).fill('a') }, /at most 16/],
  [{ sntp: 'a', sntpListen: ':123' }, /host:port/],
] as const) {
  test(`refused: ${JSON.stringify(options).slice(0, 60)}`, async () => {
    const error = await listen(options).then(() => undefined, (reason: unknown) => reason as { code: string; message: string });
    assert.is(error?.code, 'BAD_OPTION');
    assert.match(error!.message, expected);
  });
}

test.run();
