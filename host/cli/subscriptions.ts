/** `tidelock devices subscribe`, `unsubscribe`, `subscriptions`: which further topics of the broker reach a device. */
import type { Registry, Subscription } from '../registry/types.js';
import { reach } from './access.js';
import { escapeText } from './escape.js';
import { EXIT_FAILED, EXIT_OK } from './exits.js';
import { checkKnown } from './known.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';
import { table } from './table.js';

/** `unsubscribe` of what was not there is 1. */
export async function changeSubscription(settings: Settings, word: 'subscribe' | 'unsubscribe', identity: string, filter: string, output: Output): Promise<number> {
  const { changed } = await reach(settings, false, {
    gateway: (client) => client.call(`devices.${word}`, { identity, filter }),
    database: async (registry) => ({ changed: await registry.bridge[word](identity, filter) }),
  });
  const [name, topics] = [identity, filter].map(escapeText);
  if (settings.json) await output.json({ identity, filter, subscribed: word === 'subscribe', changed });
  else if (word === 'subscribe') await output.line(`${topics} reaches ${name} while it is connected${changed ? '' : ' (it did already)'}`);
  else await output.line(changed ? `${topics} reaches ${name} no more` : `${name} was not subscribed to ${topics}`);
  return word === 'unsubscribe' && !changed ? EXIT_FAILED : EXIT_OK;
}

/** Of one device, or all. Throws DEVICE_UNKNOWN. */
export function subscriptionsOf(registry: Pick<Registry, 'protocol' | 'bridge'>, identity: string | undefined): Promise<Subscription[]> {
  checkKnown(registry, identity);
  return registry.bridge.subscriptions(identity);
}

export async function listSubscriptions(settings: Settings, identity: string | undefined, output: Output): Promise<void> {
  const { subscriptions } = await reach<{ subscriptions: Subscription[] }>(settings, false, {
    gateway: (client) => client.call('devices.subscriptions', identity === undefined ? {} : { identity }),
    database: async (registry) => ({ subscriptions: await subscriptionsOf(registry, identity) }),
  });
  if (settings.json) {
    for (const row of subscriptions) await output.json(row);
    return;
  }
  if (subscriptions.length === 0) process.stderr.write('tidelock: no subscriptions; what is published to a device itself reaches it without one.\n');
  for (const line of table(['DEVICE', 'TOPICS'], subscriptions.map((row) => [row.identity, row.filter].map(escapeText)))) await output.line(line);
}
