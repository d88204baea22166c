/** Where the settings say that the database and the control socket are. */
import { createHash } from 'node:crypto';
import { parseDatabase } from '../registry/database/url.js';
import { defaultControlPath } from './control/path.js';
import type { Settings } from './setting-types.js';

/**
 * Beside the database's file; of a server's database in this folder, under a name that is the URL's. Undefined where the database is
 * in memory and no path was given: then there is no control socket.
 */
export function controlPath({ control, database }: Settings): string | undefined {
  if (control !== undefined) return control;
  const place = parseDatabase(database);
  if (place.kind === 'sqlite') return place.file === undefined ? undefined : defaultControlPath(place.file);
  return defaultControlPath(`tidelock-${createHash('sha256').update(place.shown).digest('hex').slice(0, 12)}`);
}
