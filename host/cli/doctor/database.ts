/** Whether the database opens, locks, is whole and of a version that is known. */
import { existsSync, statSync } from 'node:fs';
import { databasePath } from '../../registry/database/file.js';
import { openRegistry } from '../../registry/index.js';
import { isTold } from '../told.js';
import { parts } from '../failure.js';
import type { Settings } from '../setting-types.js';
import type { Finding } from './finding.js';

/** Bytes above which reading every page would take too long for a look. */
const LARGEST_CHECKED = 256 << 20;

/** `running`: a gateway answers and has the database open, so that it cannot be opened here. */
export async function checkDatabase({ database }: Settings, running: boolean): Promise<Finding[]> {
  const check = 'database';
  if (running) return [{ check, verdict: 'ok', text: `${database} is open in the running gateway` }];
  const file = databasePath(database);
  if (file !== undefined && !existsSync(file)) return [await checkDriver(`${database} does not exist yet; serve or devices add makes it`)];
  try {
    const registry = await openRegistry(database, { create: false });
    try {
      const { driver, version, schema, devices, inbox, queue } = await registry.info();
      const findings: Finding[] = [
        { check: 'driver', verdict: 'ok', text: `${driver}, SQLite ${version}` },
        { check, verdict: 'ok', text: `${database} opens and locks, schema ${schema}, ${devices} devices, ${inbox.rows} messages in the inbox, ${queue.messages} in the queue` },
      ];
      if (file !== undefined && statSync(file).size <= LARGEST_CHECKED) {
        await registry.check();
        findings.push({ check, verdict: 'ok', text: 'every page of it is whole' });
      }
      return findings;
    } finally {
      await registry.close();
    }
  } catch (error) {
    return [failed(isTold(error) && error.code === 'DRIVER_MISSING' ? 'driver' : check, error)];
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
