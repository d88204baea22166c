/** Where the settings say that the database and the control socket are. */
import { databasePath } from '../registry/database/file.js';
import { defaultControlPath } from './control/path.js';
import type { Settings } from './setting-types.js';

/** Undefined where the database has no file and no path was given: then there is no control socket. */
export function controlPath({ control, database }: Settings): string | undefined {
  if (control !== undefined) return control;
  const file = databasePath(database);
  return file === undefined ? undefined : defaultControlPath(file);
}
