/** `tidelock rules`: topics of the broker whose messages are queued for devices. */
import type { BridgeStore, RuleChange, Subscription } from '../registry/types.js';
import { reach } from './access.js';
import { escapeText } from './escape.js';
import { EXIT_FAILED, EXIT_OK } from './exits.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';
import { table } from './table.js';

/** Identities of one request on the control socket, whose lines are bounded. */
const AT_ONCE = 200;

/** One for each device of each rule. */
export async function* allRows(store: Pick<BridgeStore, 'rules'>): AsyncGenerator<Subscription> {
  for (const { filter, identities } of await store.rules()) for (const identity of identities) yield { filter, identity };
}

export async function listRules(settings: Settings, output: Output): Promise<void> {
  const rules = new Map<string, string[]>();
  const take = ({ filter, identity }: Subscription): void => {
    const those = rules.get(filter);
    if (those === undefined) rules.set(filter, [identity]);
    else those.push(identity);
  };
  await reach<void>(settings, false, {
    gateway: async (client) => void (await client.call('rules.list', {}, take)),
    database: async (registry) => {
      for await (const row of allRows(registry.bridge)) take(row);
    },
  });
  if (settings.json) {
    for (const [filter, identities] of rules) await output.json({ filter, identities });
    return;
  }
  if (rules.size === 0) process.stderr.write('tidelock: no rules; see `tidelock rules --help`.\n');
  const cells = [...rules].flatMap(([filter, identities]) => identities.map((identity) => [filter, identity].map(escapeText)));
  for (const line of table(['TOPICS', 'DEVICE'], cells)) await output.line(line);
}

export async function addRule(settings: Settings, filter: string, identities: readonly string[], output: Output): Promise<void> {
  const { changed, left } = await inParts(identities, (part) => reach(settings, false, {
    gateway: (client) => client.call('rules.add', { filter, identities: part }),
    database: (registry) => registry.bridge.extendRule({ filter, identities: part }),
  }));
  if (settings.json) return output.json({ filter, added: changed, devices: left });
  await output.line(`${escapeText(filter)} is queued for ${devices(left)}${changed === left ? '' : changed === 0 ? ' (as before)' : `, ${changed} of them new`}`);
}

/** No identities: the whole rule. 1 where nothing was there to remove. */
export async function removeRule(settings: Settings, filter: string, identities: readonly string[], output: Output): Promise<number> {
  const remove = (part: string[] | undefined): Promise<RuleChange> => reach(settings, false, {
    gateway: (client) => client.call('rules.remove', part === undefined ? { filter } : { filter, identities: part }),
    database: (registry) => registry.bridge.shrinkRule(filter, part),
  });
  const { changed, left } = identities.length === 0 ? await remove(undefined) : await inParts(identities, remove);
  if (settings.json) await output.json({ filter, removed: changed, devices: left });
  else if (changed === 0) await output.line(`${escapeText(filter)} is queued for ${identities.length === 0 ? 'no device' : 'none of them'}`);
  else await output.line(`${escapeText(filter)} is queued for ${left === 0 ? 'no device' : devices(left)} now`);
  return changed === 0 ? EXIT_FAILED : EXIT_OK;
}

async function inParts(identities: readonly string[], run: (part: string[]) => Promise<RuleChange>): Promise<RuleChange> {
  let changed = 0, left = 0;
  for (let at = 0; at < identities.length; at += AT_ONCE) {
    const done = await run(identities.slice(at, at + AT_ONCE));
    changed += done.changed;
    left = done.left;
  }
  return { changed, left };
}

function devices(count: number): string {
  return count === 1 ? '1 device' : `${count} devices`;
}
