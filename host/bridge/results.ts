/** How commands ended, told at the broker: to the response topic of who asked, or else under the device. */
import type { CommandResult } from '../registry/bridge-types.js';
import type { BridgeEvent } from '../registry/types.js';
import type { Connection } from './connection.js';
import type { Shared } from './context.js';
import { Feed } from './feed.js';
import type { Content, Item } from './lane.js';
import { DROPPED, FAILURE, reasonText } from './packets.js';

interface Row extends CommandResult {
  readonly bytes: number;
}

class ResultItem implements Item {
  readonly identity: string;
  losses = 0;
  readonly wanted = true;
  readonly row: Row;
  /** The broker would not take it at the response topic. */
  readonly fallBack: boolean;
  readonly #results: Results;

  constructor(results: Results, row: Row, fallBack: boolean) {
    this.#results = results;
    this.row = row;
    this.identity = row.identity;
    this.fallBack = fallBack;
  }

  content(connection: Connection): Content {
    return this.#results.content(this, connection);
  }

  settle(reason: number): void {
    this.#results.settled(this, reason);
  }
}

export class Results {
  readonly #shared: Shared;
  readonly #feed: Feed<Row>;
  readonly #onBridge = ({ change }: BridgeEvent): void => {
    if (change === 'results') this.#feed.wake();
  };

  constructor(shared: Shared) {
    this.#shared = shared;
    const { host: { registry, failed, clock }, lanes } = shared;
    this.#feed = new Feed<Row>(registry, lanes, {
      read: async (after, limit) => (await registry.bridge.results({ after, limit })).map((row) => ({ ...row, bytes: row.response.length + row.correlation.length })),
      done: (positions) => registry.bridge.told(positions),
      item: (row) => new ResultItem(this, row, false),
      takes: () => true,
      failed,
      clock,
    });
    registry.on('bridge', this.#onBridge);
  }

  start(): void {
    this.#feed.wake();
  }

  close(): Promise<void> {
    this.#shared.host.registry.off('bridge', this.#onBridge);
    return this.#feed.close();
  }

  content({ row, fallBack }: ResultItem, { version }: Connection): Content {
    const { identity, message, response, correlation, tlId, how, reason, at } = row;
    const data = Buffer.from(correlation);
    const told = {
      result: how, device: identity, ...(message === '' ? {} : { message }), ...(tlId === '' ? {} : { 'tl-id': tlId }), ...(reason === '' ? {} : { reason }), at,
      ...(tlId === '' && (response === '' || data.length === 0) ? { once: false } : {}),
      ...(version === 4 && data.length > 0 ? { correlation: data.toString('utf8') } : {}),
    };
    return {
      topic: response === '' || fallBack ? this.#shared.topics.result(identity) : response,
      given: true,
      payload: JSON.stringify(told),
      properties: data.length === 0 ? undefined : { correlationData: data },
    };
  }

  settled(item: ResultItem, reason: number): void {
    const { counts, host, lanes } = this.#shared, { row, fallBack } = item;
    if (reason === DROPPED || reason < FAILURE) counts.results += 1;
    else if (row.response !== '' && !fallBack) {
      lanes.of(row.identity).push(new ResultItem(this, row, true));
      return;
    } else {
      counts.refused += 1;
      host.logger?.warn({ device: row.identity, result: row.how, reason: reasonText(reason) }, 'the broker refuses a result');
    }
    this.#feed.settled(row);
  }
}
