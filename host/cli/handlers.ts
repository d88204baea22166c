/** What the running gateway does for those who may use its control socket. */
import { decodeBase64 } from '../base64.js';
import { TidelockError } from '../errors.js';
import type { GatewayApi } from '../gateway/types.js';
import type { Registry } from '../registry/types.js';
import type { Status } from './control/protocol.js';
import type { Handlers } from './control/server.js';
import { watchPassing } from './control/watch.js';
import { checkEntity } from '../bridge/home-assistant/entity.js';
import { allLetters, listedLetter } from './dead-letters.js';
import { allDevices, listed } from './devices.js';
import { allEntities } from './entities.js';
import { allWaiting, cancel } from './queue.js';
import { allRows } from './rules.js';
import { subscriptionsOf } from './subscriptions.js';

type Params = Readonly<Record<string, unknown>>;

/** Wall clock and monotonic clock of this process, Unix ms and ms. */
export function clocks(): { wall: number; monotonic: number } {
  return { wall: Date.now(), monotonic: performance.now() };
}

export function createHandlers(gateway: GatewayApi, registry: Registry, version: string): Handlers {
  const started = clocks();
  return {
    status: async (): Promise<Status> => ({
      version,
      pid: process.pid,
      addresses: [...gateway.addresses],
      online: gateway.counters().online,
      ...(registry.database.available ? {} : { waiting: { reason: registry.database.reason, since: registry.database.since } }),
      started,
      now: clocks(),
    }),

    'devices.add': async (params) => {
      const given = params['key'] === undefined ? undefined : bytesOf(params, 'key');
      const protocol = params['protocol'] === 'iotsocket' ? 'iotsocket' : 'tidelock';
      const minted = await registry.add(identityOf(params), given === undefined ? { protocol } : { protocol, key: given });
      const key = Buffer.from(minted).toString('base64');
      minted.fill(0);
      given?.fill(0);
      return { key };
    },

    'devices.enable': async (params) => {
      const identity = identityOf(params);
      const changed = await registry.enable(identity);
      await gateway.refresh(identity);
      return { changed, closed: false };
    },

    'devices.disable': async (params) => {
      const identity = identityOf(params);
      const closed = gateway.device(identity) !== undefined;
      const changed = await registry.disable(identity);
      await gateway.refresh(identity);
      return { changed, closed };
    },

    'devices.keys': async (params) => ({ keys: await registry.keys(identityOf(params)) }),

    'devices.rotate': async (params) => {
      const { keyId, key } = await registry.rotate(identityOf(params));
      const encoded = Buffer.from(key).toString('base64');
      key.fill(0);
      return { keyId, key: encoded };
    },

    // A session under the key is closed by the registry's event.
    'devices.retire': async (params) => ({ changed: await registry.retire(identityOf(params), params['keyId'] as number) }),
    'devices.revoke': async (params) => ({ changed: await registry.revoke(identityOf(params), params['keyId'] as number) }),

    'devices.list': (_, call) => each(allDevices(registry), call, 'device', (entry) => listed(entry, gateway.device(entry.identity) ?? null)),

    'queue.list': (params, call) => each(allWaiting(registry, textOf(params, 'identity')), call, 'message', (entry) => entry),

    'queue.cancel': (params) => cancel(registry, { message: textOf(params, 'message'), identity: textOf(params, 'identity') }),

    'devices.subscribe': async (params) => ({ changed: await registry.bridge.subscribe(identityOf(params), filterOf(params)) }),
    'devices.unsubscribe': async (params) => ({ changed: await registry.bridge.unsubscribe(identityOf(params), filterOf(params)) }),
    'devices.subscriptions': async (params) => ({ subscriptions: await subscriptionsOf(registry, textOf(params, 'identity')) }),

    'rules.list': (_, call) => each(allRows(registry.bridge), call, 'rule', (row) => row),
    'rules.add': (params) => registry.bridge.extendRule({ filter: filterOf(params), identities: identitiesOf(params) ?? [] }),
    'rules.remove': (params) => registry.bridge.shrinkRule(filterOf(params), identitiesOf(params)),

    'dead-letters.list': (_, call) => each(allLetters(registry.bridge), call, 'letter', listedLetter),
    'dead-letters.retry': async ({ positions }) => {
      if (positions !== 'all' && !(Array.isArray(positions) && positions.every(Number.isSafeInteger))) throw invalid('positions', 'must be a list of numbers, or "all"');
      return { count: await registry.bridge.retry(positions as number[] | 'all') };
    },

    'entities.announce': async (params) => {
      await registry.entities.announce(identityOf(params), textOf(params, 'entity') ?? '', checkEntity(params['config']));
      return {};
    },
    'entities.unannounce': async (params) => ({ count: await registry.entities.unannounce(identityOf(params), textOf(params, 'entity')) }),
    'entities.list': (params, call) => each(allEntities(registry, textOf(params, 'identity')), call, 'entity', (row) => row),

    watch: (params, call) => watchPassing(gateway, textOf(params, 'pattern'), call),

    send: async (params, call) => {
      const identity = identityOf(params);
      const lifetime = params['lifetime'];
      if (lifetime !== undefined && typeof lifetime !== 'number') throw invalid('lifetime', 'must be a number of milliseconds');
      const topic = textOf(params, 'topic');
      if (registry.protocol(identity) === 'iotsocket' && params['wait'] !== true) {
        push(gateway, identity, bytesOf(params, 'body'));
        return { message: '' };
      }
      const sending = gateway.send(identity, bytesOf(params, 'body'), { ...(lifetime === undefined ? {} : { lifetime }), ...(topic === undefined ? {} : { topic }) });
      sending.acknowledged.catch(() => undefined); // told to those who wait
      const message = await sending.queued;
      await call.event('queued', { message, online: gateway.device(identity) !== undefined });
      // Whoever waited may go: what is queued stays queued.
      if (params['wait'] === true) await sending.acknowledged;
      return { message };
    },
  };
}

/** To a device without acknowledgements: now or not at all. Throws NO_QUEUE, QUEUE_FULL, IOTSOCKET_BODY. */
function push(gateway: GatewayApi, identity: string, body: Buffer): void {
  if (gateway.device(identity) === undefined) throw new TidelockError('NO_QUEUE', { identity });
  if (!gateway.post(identity, body)) throw new TidelockError('QUEUE_FULL', { to: identity, bound: 'as many pushes as may wait for one device' });
}

/** One event each, as fast as the client reads; the number of them. */
async function each<Row, Shown>(
  rows: AsyncIterable<Row>, call: { event(name: string, data: Shown): Promise<void>; readonly signal: AbortSignal }, name: string, shown: (row: Row) => Shown,
): Promise<{ count: number }> {
  let count = 0;
  for await (const row of rows) {
    if (call.signal.aborted) break;
    await call.event(name, shown(row));
    count += 1;
  }
  return { count };
}

function filterOf(params: Params): string {
  const filter = textOf(params, 'filter');
  if (filter === undefined) throw invalid('filter', 'must be a text');
  return filter;
}

function identityOf(params: Params): string {
  const { identity } = params;
  if (typeof identity !== 'string') throw invalid('identity', 'must be a text');
  return identity;
}

/** Undefined where they were not given. */
function identitiesOf({ identities }: Params): string[] | undefined {
  if (identities !== undefined && !(Array.isArray(identities) && identities.every((one) => typeof one === 'string'))) throw invalid('identities', 'must be a list of texts');
  return identities;
}

/** Undefined where it was not given. */
function textOf(params: Params, name: string): string | undefined {
  const text = params[name];
  if (text !== undefined && typeof text !== 'string') throw invalid(name, 'must be a text');
  return text;
}

function bytesOf(params: Params, name: string): Buffer {
  const bytes = decodeBase64(params[name]);
  if (bytes === undefined) throw invalid(name, 'must be base64');
  return bytes;
}

function invalid(name: string, problem: string): TidelockError {
  return new TidelockError('INPUT_INVALID', { what: `"${name}"`, problem, remedy: 'Correct the request on the control socket; docs/cli.md has its form.' });
}
