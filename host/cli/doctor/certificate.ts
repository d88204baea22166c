/** Whether the certificate and its key load, fit, are in date, and who may read the key. */
import { statSync } from 'node:fs';
import { loadCertificate } from '../../transport/tls/server.js';
import { parts } from '../failure.js';
import type { Settings } from '../setting-types.js';
import type { Finding } from './finding.js';

export const DAY_MS = 86_400_000;
/** As the gateway's own warning. */
export const CERTIFICATE_WARN_DAYS = 14;

export async function checkCertificate({ tlsCert, tlsKey }: Settings, now = Date.now()): Promise<Finding[]> {
  const check = 'certificate';
  if (tlsCert === undefined) return [];
  const keyFile = tlsKey ?? tlsCert;
  try {
    const { pin, names, from, until } = await loadCertificate({ certFile: tlsCert, keyFile });
    const days = Math.floor((until - now) / DAY_MS), end = new Date(until).toISOString().slice(0, 10);
    const findings: Finding[] = [dates(`${tlsCert}, for ${names || 'no name'}, ${pin}`, now < from, days, end)];
    // Windows has no such mode. A group may be meant to read it, as ssl-cert is on Debian.
    if (process.platform !== 'win32' && (statSync(keyFile).mode & 0o007) !== 0) {
      findings.push({ check, verdict: 'fail', text: `everybody may read the key in ${keyFile}`, action: 'Run `chmod o=` on it, make a new key, and pin that one.' });
    }
    return findings;
  } catch (error) {
    const { code, problem, action } = parts(error);
    return [{ check, verdict: 'fail', text: `${code}: ${problem}`, action }];
  }
}

function dates(what: string, early: boolean, days: number, end: string): Finding {
  const check = 'certificate';
  if (early) return { check, verdict: 'fail', text: `${what} is not valid yet`, action: 'Set the clock, or make the certificate anew.' };
  if (days < 0) return { check, verdict: 'fail', text: `${what} expired on ${end}`, action: 'Renew it; `tidelock cert --keep-key` leaves the pin as it is.' };
  if (days < CERTIFICATE_WARN_DAYS) return { check, verdict: 'warn', text: `${what} expires on ${end}`, action: 'Renew it; `tidelock cert --keep-key` leaves the pin as it is.' };
  return { check, verdict: 'ok', text: `${what}, is good until ${end}` };
}
