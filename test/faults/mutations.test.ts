/**
 * The matrix can fail: parts are spoiled on purpose, each as a real mistake would spoil it, and the books must show it in
 * the words that belong to it.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Received } from 'tidelock/registry';
import { Flash } from './appliance.js';
import { runCell, type Cell, type CellOptions } from './cell.js';
import { Ledger } from './ledger.js';
import type { Spoil } from './site.js';

/** Runs the cell under some seeds until the fault of the spoiled part shows, and looks for nothing but this word. */
async function shows(word: string, cell: Cell, options: () => Partial<CellOptions>): Promise<void> {
  const seen: string[] = [];
  for (let seed = 1; seed <= 40; seed++) {
    const { problems } = await runCell(cell, { messages: 200, seed, ...options() });
    seen.push(...problems);
    if (problems.some((problem) => problem.startsWith(word))) return;
  }
  assert.unreachable(`no ${JSON.stringify(word)} in: ${seen.join('; ')}`);
}

const up = (fault: Cell['fault']): Cell => ({ link: 'tcp', fault, direction: 'up' });
const down = (fault: Cell['fault']): Cell => ({ link: 'tcp', fault, direction: 'down' });

/** A registry whose `commit` gets other messages than the gateway gave it. */
function committing(change: (message: Received) => Received): Spoil {
  return (registry) => {
    const commit = registry.commit.bind(registry);
    registry.commit = (messages) => commit(messages.map(change));
    return registry;
  };
}

test('a store that keeps the receipt and drops the message: lost', () =>
  shows('lost:', up('cut'), () => ({ spoil: committing((message) => (message.id % 97 === 0 ? { ...message, body: undefined } : message)) })));

test('a byte that changes behind the tag: altered', () =>
  shows('altered:', up('delay'), () => ({
    spoil: committing((message) => {
      if (message.id % 97 !== 0 || message.body === undefined) return message;
      const body = Buffer.from(message.body);
      body[body.length - 1]! ^= 1;
      return { ...message, body };
    }),
  })));

test('a store that promises before it has written, and then is killed: lost', () =>
  shows('lost:', up('gateway restart'), () => ({
    patience: 600_000, // the device goes on behind what the database has: nothing comes any more
    spoil: (registry) => {
      const commit = registry.commit.bind(registry), close = registry.close.bind(registry);
      let killed = false;
      registry.commit = async (messages) => {
        // The writing waits for the next turns of the loop, the promise does not.
        setTimeout(() => {
          if (!killed) void commit(messages);
        }, 1);
        return messages.map(() => 'durable');
      };
      registry.close = () => {
        killed = true;
        return close();
      };
      return registry;
    },
  })));

test('a queue that calls delivered what was handed to the link: lost', () =>
  shows('lost:', down('cut'), () => ({
    spoil: (registry) => {
      const take = registry.take.bind(registry);
      registry.take = async (lease, first, count) => {
        const rows = await take(lease, first, count);
        if (rows !== undefined && rows.length > 0) await registry.delivered(lease, rows.at(-1)!.id);
        return rows;
      };
      return registry;
    },
  })));

test('a queue that forgets what was sent: a command that was obeyed is called expired', () =>
  shows('false end:', down('one-way loss'), () => ({
    messages: 1_000, // few of them are sent and end before their ACK is there
    spoil: (registry) => {
      const take = registry.take.bind(registry);
      registry.take = async (lease, first, count) => {
        const rows = await take(lease, first, count);
        if (rows !== undefined && rows.length > 0) await registry.untaken(lease, rows[0]!.id);
        return rows;
      };
      return registry;
    },
  })));

test('a device whose flash forgets the newest record: obeyed twice', () => {
  class Forgetful extends Flash {
    override store(record: { outbox: number; last: number }): void {
      if (record.last % 4 !== 0 || record.last < 4) super.store(record);
    }
  }
  return shows('twice:', down('device restart, with flash'), () => ({ flash: new Forgetful() }));
});

test('the books: each kind of wrong is told, and what is right is not', () => {
  const books = (come: number[], told: string[]): string[] => {
    const ledger = new Ledger(7, 100);
    told.forEach(() => ledger.next());
    for (const number of come) ledger.came(ledger.body(number));
    told.forEach((each, number) => ledger.told(number, each));
    return ledger.close().problems.map((problem) => problem.slice(0, problem.indexOf(':')));
  };
  assert.equal(books([0, 1, 3], ['acknowledged', 'IN_DOUBT', 'EXPIRED', 'acknowledged']), []);
  assert.equal(books([0], ['acknowledged', 'acknowledged']), ['lost']);
  assert.equal(books([0, 0, 1], ['acknowledged', 'acknowledged']), ['twice']);
  assert.equal(books([1, 0], ['acknowledged', 'acknowledged']), ['out of order']);
  assert.equal(books([0], ['EXPIRED']), ['false end']);
  assert.equal(books([0], ['REFUSED']), ['no end']);
  const ledger = new Ledger(7, 100);
  ledger.next();
  ledger.came('0:something else');
  assert.match(ledger.close().problems[0]!, /^altered/);
});

test.run();
