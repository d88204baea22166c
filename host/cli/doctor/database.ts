/** Whether the database opens, locks, is whole and of a version that is known. */
import { existsSync, statSync } from 'node:fs';
import { parseDatabase } from '../../registry/database/url.js';
import { openRegistry } from '../../registry/index.js';
import { openDatabase } from '../database.js';
import type { Status } from '../control/protocol.js';
import { isTold } from '../told.js';
import { parts } from '../failure.js';
import type { Settings } from '../setting-types.js';
import type { Finding } from './finding.js';
import { ABOUT_KEYS, checkWrapped } from './keys.js';

/** Bytes above which reading every page would take too long for a look. */
const LARGEST_CHECKED = 256 << 20;

/** `running`: a gateway answers and has the database open, so that it cannot be opened here. */
export async function checkDatabase(settings: Settings, running: Status | undefined): Promise<Finding[]> {
  const check = 'database';
  const { database } = settings;
  const place = parseDatabase(database);
  if (running !== undefined) {
    const { waiting } = running;
    if (waiting === undefined) return [{ check, verdict: 'ok', text: `${place.shown} is open in the running gateway` }];
    const text = `the running gateway waits for ${place.shown} since ${new Date(waiting.since).toISOString()}: ${waiting.reason}`;
    return [{ check, verdict: 'fail', text, action: 'Start the database server, or mend the way to it; the gateway goes on by itself.' }];
  }
  const file = place.kind === 'sqlite' ? place.file : undefined;
  if (file !== undefined && !existsSync(file)) return [await checkDriver(`${place.shown} does not exist yet; serve or devices add makes it`)];
  try {
    const registry = await openDatabase(settings, { create: false });
    try {
      const { driver, version, schema, devices, inbox, queue, wrapped } = await registry.info();
      const findings: Finding[] = [
        checkWrapped(wrapped),
        { check: 'driver', verdict: 'ok', text: `${driver}, ${place.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL'} ${version}` },
        { check, verdict: 'ok', text: `${place.shown} opens and locks, schema ${schema}, ${devices} devices, ${inbox.rows} messages in the inbox, ${queue.messages} in the queue` },
      ];
      if (file !== undefined && statSync(file).size <= LARGEST_CHECKED) {
        await registry.check();
        findings.push({ check, verdict: 'ok', text: 'every page of it is whole' });
      }
      for (const remark of await registry.remarks()) findings.push({ check, ...remark });
      return findings;
    } finally {
      await registry.close();
    }
  } catch (error) {
    if (!isTold(error)) return [failed(check, error)];
    return [failed(error.code === 'DRIVER_MISSING' ? 'driver' : ABOUT_KEYS.has(error.code) ? 'keys' : check, error)];
  }
}

/** Without a database the driver is tried in memory. */
async function checkDriver(text: string): Promise<Finding> {
  try {
    const registry = await openRegistry('sqlite::memory:');
    const { driver, version } = await registry.info();
    await registry.close();
    return { check: 'database', verdict: 'ok', text: `${text} (${driver}, SQLite ${version})` };
  } catch (error) {
    return failed('driver', error);
  }
}

function failed(check: string, error: unknown): Finding {
  const { code, problem, action } = parts(error);
  return { check, verdict: 'fail', text: `${code}: ${problem}`, action };
}
