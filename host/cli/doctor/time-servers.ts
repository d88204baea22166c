/** What the configured time servers say of this machine's clock: each is asked once. */
import { systemClock } from '../../clock.js';
import { parseTimeAddress } from '../../time/address.js';
import { ask, type Answer } from '../../time/query.js';
import type { Settings } from '../setting-types.js';
import type { Finding } from './finding.js';

const DEFAULT_WINDOW = 2_000;

export async function checkTimeServers({ sntp = [], window = DEFAULT_WINDOW }: Settings): Promise<Finding[]> {
  // A quarter of the window is what a device's clock may drift by; this machine's own should not use up more.
  return Promise.all(sntp.map(async (server) => timeFinding(server, await ask(parseTimeAddress('sntp', server), systemClock), window / 4)));
}

/** `limit`: ms by which the clock may be off. */
export function timeFinding(server: string, answer: Answer, limit: number): Finding {
  const check = 'time';
  if (answer.kind !== 'sample') {
    const reason = answer.kind === 'kiss' ? `it asks not to be asked (${answer.code})` : answer.reason;
    return { check, verdict: 'warn', text: `${server} gives no time: ${reason}`, action: 'Check its name, and that UDP to its port passes; or name another server with --sntp.' };
  }
  const { base, bound } = answer.sample;
  const error = Math.round(systemClock.unix() - systemClock.now() - base);
  const way = error < 0 ? 'behind' : 'ahead of';
  const text = `this clock is ${Math.abs(error)} ms ${way} ${server} (which may be off by ${Math.ceil(bound)} ms)`;
  if (Math.abs(error) <= limit) return { check, verdict: 'ok', text };
  return { check, verdict: 'warn', text, action: 'Set the clock, and let an NTP client keep it: every message bears the time of this clock.' };
}
