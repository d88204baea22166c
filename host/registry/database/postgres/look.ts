/** Looks at a server and its tables for an operator. */
import type pg from 'pg';
import { TidelockError } from '../../../errors.js';
import type { Remark } from '../connection.js';

const TABLES = ['tidelock', 'devices', 'keys', 'inbox', 'queue', 'ends', 'wrapping', 'dead_letters', 'commands', 'results', 'taken', 'keepers', 'subscriptions', 'rules'];

/** Every row of every table is read; a damaged page is an error of the server's. Throws DATABASE_CORRUPT. */
export async function checkTables(client: pg.Client, url: string): Promise<void> {
  for (const table of TABLES) await client.query(`select count(*) from (select md5(t::text) from ${table} t offset 0) as all_of_it`);
  for (const table of ['keys', 'inbox', 'queue']) {
    const { rows } = await client.query<{ orphans: number }>(`select count(*) as orphans from ${table} where not exists (select 1 from devices where devices.identity = ${table}.identity)`);
    const { orphans } = rows[0]!;
    if (orphans > 0) throw new TidelockError('DATABASE_CORRUPT', { database: url, reason: `${orphans} rows of ${table} belong to no device` });
  }
}

interface Setup {
  commit: string;
  standbys: string;
  pages: string;
  local: boolean;
  tls: boolean;
}

export async function remarks(client: pg.Client): Promise<Remark[]> {
  const { rows } = await client.query<Setup>(`
    select current_setting('synchronous_commit') as commit, current_setting('synchronous_standby_names') as standbys, current_setting('full_page_writes') as pages,
      coalesce(inet_server_addr() << '127.0.0.0/8' or inet_server_addr() = '::1', true) as local,
      coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as tls`);
  const { commit, standbys, pages, local, tls } = rows[0]!;
  const found: Remark[] = [{ verdict: 'ok', text: `fsync on, synchronous_commit ${commit}`, action: '' }];
  if (pages !== 'on') {
    found.push({ verdict: 'warn', text: 'full_page_writes is off: a loss of power can leave pages by half', action: 'Set it to on, unless the file system never tears a page.' });
  }
  if (!local && !tls) {
    found.push({ verdict: 'warn', text: 'the connection is not encrypted, and keys of devices cross it', action: 'Add `?sslmode=verify-full` to the URL, and a certificate to the server.' });
  }
  if (standbys === '') {
    found.push({ verdict: 'ok', text: 'no synchronous standby: what was acknowledged is on one machine', action: '' });
  }
  return found;
}
