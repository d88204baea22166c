/** Where the settings say that the database and the control socket are. */
import { defaultControlPath } from './control/path.js';
import type { Settings } from './setting-types.js';

/** The file of `sqlite:PATH`; undefined for a database in memory or elsewhere. */
export function databaseFile(url: string): string | undefined {
  const match = /^sqlite:(.+)$/.exec(url);
  return match === null || match[1]!.startsWith(':') ? undefined : match[1];
}

/** Undefined where the database has no file and no path was given: then there is no control socket. */
export function controlPath({ control, database }: Settings): string | undefined {
  if (control !== undefined) return control;
  const file = databaseFile(database);
  return file === undefined ? undefined : defaultControlPath(file);
}
