/** `tidelock doctor`: looks for what would keep a gateway from working, and says what to do. */
import pc from 'picocolors';
import { resolve, type Sources } from './config.js';
import { checkAddresses } from './doctor/addresses.js';
import { checkCertificate } from './doctor/certificate.js';
import { checkClock } from './doctor/clock.js';
import { checkBroker } from './doctor/mqtt.js';
import { checkControl } from './doctor/control.js';
import { checkDatabase } from './doctor/database.js';
import { checkMasterKey } from './doctor/keys.js';
import { checkTimeServers } from './doctor/time-servers.js';
import { checkBuild, checkNode } from './doctor/installation.js';
import type { Finding } from './doctor/finding.js';
import { escapeText } from './escape.js';
import { EXIT_FAILED, EXIT_OK } from './exits.js';
import { parts } from './failure.js';
import type { Output } from './output.js';
import type { Settings } from './setting-types.js';

/** Returns the exit code: 1 where anything fails, also the configuration. */
export async function doctor(sources: Sources, output: Output): Promise<number> {
  const findings: Finding[] = [checkNode(), ...checkBuild()];
  let settings: Settings | undefined;
  try {
    const resolved = resolve(sources);
    settings = resolved.settings;
    for (const warning of resolved.warnings) findings.push({ check: 'configuration', verdict: 'warn', text: warning, action: 'Correct its spelling, or remove it.' });
    if (resolved.warnings.length === 0) findings.push({ check: 'configuration', verdict: 'ok', text: 'no faults' });
  } catch (error) {
    const { problem, action } = parts(error);
    findings.push({ check: 'configuration', verdict: 'fail', text: problem, action });
  }
  if (settings !== undefined) {
    const { finding, status } = await checkControl(settings);
    findings.push(finding);
    findings.push(...(await checkClock(status)));
    findings.push(...(await checkTimeServers(settings)));
    const master = checkMasterKey(settings);
    findings.push(...master);
    // A master key that cannot be read says it once.
    if (master.every(({ verdict }) => verdict !== 'fail')) findings.push(...(await checkDatabase(settings, status)));
    findings.push(...(await checkCertificate(settings)));
    findings.push(...(await checkBroker(settings)));
    findings.push(...(await checkAddresses(settings.listen, status?.addresses ?? [])));
  } else {
    findings.push(...(await checkClock(undefined)));
  }
  const json = settings?.json ?? sources.flags['json'] === true;
  for (const finding of findings) await (json ? output.json(finding) : tell(finding, output));
  return findings.some(({ verdict }) => verdict === 'fail') ? EXIT_FAILED : EXIT_OK;
}

async function tell({ check, verdict, text, action }: Finding, output: Output): Promise<void> {
  const colours = pc.createColors(pc.isColorSupported && process.stdout.isTTY === true);
  const paint = verdict === 'ok' ? colours.green : verdict === 'warn' ? colours.yellow : colours.red;
  const [first = '', ...more] = text.split('\n').map(escapeText);
  await output.line(`${paint(verdict.padEnd(4))}  ${check.padEnd(13)}  ${first}`);
  for (const line of more) await output.line(`${' '.repeat(21)}${line}`);
  if (action !== undefined && verdict !== 'ok') await output.line(`${' '.repeat(21)}→ ${escapeText(action)}`);
}
