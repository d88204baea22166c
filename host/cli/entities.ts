/** `tidelock devices announce`, `unannounce`, `announced`: what devices are to Home Assistant. */
import { checkEntity, type Entity } from '../bridge/home-assistant/entity.js';
import { TidelockError } from '../errors.js';
import type { EntityRow } from '../registry/entity-types.js';
import type { Registry } from '../registry/types.js';
import { reach } from './access.js';
import { escapeText } from './escape.js';
import { EXIT_FAILED, EXIT_OK } from './exits.js';
import { checkKnown } from './known.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';
import { table } from './table.js';

/** Every row, a page at a time. Throws DEVICE_UNKNOWN. */
export async function* allEntities(registry: Pick<Registry, 'protocol' | 'entities'>, identity: string | undefined): AsyncGenerator<EntityRow> {
  checkKnown(registry, identity);
  const store = registry.entities;
  if (identity !== undefined) {
    yield* await store.list({ identity });
    return;
  }
  for (let after = ''; ; ) {
    const page = await store.list({ after });
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1)!.identity;
  }
}

/** `name=value` of the option --set: the value is JSON where it is some, else a text. Throws INPUT_INVALID. */
export function readMore(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new TidelockError('INPUT_INVALID', { what: `--set ${escapeText(pair)}`, problem: 'is not NAME=VALUE', remedy: 'Write --set payload_on=open, --set min=0.' });
    const value = pair.slice(at + 1);
    try {
      return [pair.slice(0, at), JSON.parse(value) as unknown];
    } catch {
      return [pair.slice(0, at), value];
    }
  }));
}

export async function announceEntity(settings: Settings, identity: string, name: string, given: Entity, output: Output): Promise<void> {
  const entity = checkEntity(given);
  await reach<void>(settings, false, {
    gateway: async (client) => void (await client.call('entities.announce', { identity, entity: name, config: { ...entity } })),
    database: (registry) => registry.entities.announce(identity, name, entity),
  });
  if (settings.json) return output.json({ identity, entity: name, ...entity });
  await output.line(`Home Assistant is told of ${escapeText(name)} of ${escapeText(identity)}`);
}

export async function unannounceEntity(settings: Settings, identity: string, name: string | undefined, output: Output): Promise<number> {
  const one = name === undefined ? {} : { entity: name };
  const { count } = await reach(settings, false, {
    gateway: (client) => client.call('entities.unannounce', { identity, ...one }),
    database: async (registry) => ({ count: await registry.entities.unannounce(identity, name) }),
  });
  if (settings.json) await output.json({ identity, removed: count });
  else await output.line(count === 0 ? `nothing of ${escapeText(identity)} was announced` : `Home Assistant is told to forget ${count} of ${escapeText(identity)}`);
  return count === 0 ? EXIT_FAILED : EXIT_OK;
}

export async function listEntities(settings: Settings, identity: string | undefined, output: Output): Promise<void> {
  const rows: EntityRow[] = [];
  const one = identity === undefined ? {} : { identity };
  await reach<void>(settings, false, {
    gateway: async (client) => void (await client.call('entities.list', one, (row) => rows.push(row))),
    database: async (registry) => {
      for await (const row of allEntities(registry, identity)) rows.push(row);
    },
  });
  const read = (row: EntityRow): Entity => JSON.parse(row.config) as Entity;
  if (settings.json) {
    for (const row of rows) await output.json({ identity: row.identity, entity: row.entity, ...read(row), ...(row.removed ? { removed: true } : {}) });
    return;
  }
  if (rows.length === 0) process.stderr.write('tidelock: nothing is announced; see `tidelock devices announce --help`.\n');
  const cells = rows.map((row) => {
    const { platform, topic, command, unit } = read(row);
    return [row.identity, row.entity, row.removed ? 'being forgotten' : platform, topic ?? '-', command ?? '-', unit ?? '-'].map(escapeText);
  });
  for (const line of table(['DEVICE', 'ENTITY', 'PLATFORM', 'TOPIC', 'COMMAND', 'UNIT'], cells)) await output.line(line);
}
