/** The control socket, and whether a gateway answers there. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { ControlClient } from '../control/client.js';
import { isPipe } from '../control/path.js';
import type { Status } from '../control/protocol.js';
import { showDuration } from '../duration.js';
import { parts } from '../failure.js';
import { controlPath } from '../place.js';
import type { Settings } from '../setting-types.js';
import type { Finding } from './finding.js';

export interface ControlFinding {
  finding: Finding;
  /** Of the gateway that runs. */
  status: Status | undefined;
}

export async function checkControl(settings: Settings): Promise<ControlFinding> {
  const socket = controlPath(settings);
  const found = (verdict: Finding['verdict'], text: string, action?: string, status?: Status): ControlFinding => ({
    finding: { check: 'gateway', verdict, text, ...(action === undefined ? {} : { action }) },
    status,
  });
  if (socket === undefined) return found('ok', 'no control socket, because the database has no file');
  let client: ControlClient | undefined;
  try {
    client = await ControlClient.connect(socket);
    if (client === undefined) return found('ok', `none runs with this database (nobody answers at ${socket})`);
    const status = await client.call('status', {});
    const age = showDuration(status.now.monotonic - status.started.monotonic);
    const text = `version ${status.version} runs since ${age} as process ${status.pid}, ${status.online} devices connected`;
    const open = openToOthers(socket);
    if (open === undefined) return found('ok', text, undefined, status);
    return found('fail', `${text}; ${open}`, 'Run `chmod 700` on that folder, and stop and start the gateway.', status);
  } catch (error) {
    const { code, problem, action } = parts(error);
    return found('fail', `${code}: ${problem}`, action);
  } finally {
    client?.close();
  }
}

/** Modes are checked where they protect: both the socket's and its folder's would have to be open. */
function openToOthers(socket: string): string | undefined {
  if (isPipe(socket) || !existsSync(socket)) return undefined;
  const open = (name: string, bits: number): boolean => (statSync(name).mode & bits) !== 0;
  return open(socket, 0o066) && open(path.dirname(path.resolve(socket)), 0o011) ? `others may use its control socket ${socket}` : undefined;
}
