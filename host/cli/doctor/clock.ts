/** The clock: every frame carries its time, so a gateway with a wrong or jumping one refuses everybody. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../control/protocol.js';
import { showDuration } from '../duration.js';
import { RELEASED } from '../release.js';
import type { Finding } from './finding.js';

/** ms between the two looks at both clocks. */
const LOOK = 500;

/** ms by which both clocks may part in a look: reading them apart costs less than 1 ms; a slewing NTP changes 0.5 ms a second. */
const AGREEMENT = 50;

/** ms by which a gateway's clocks may have parted since its start: the default window, beyond which it ends its sessions. */
const WINDOW = 2_000;

interface Clocks {
  wall: number;
  monotonic: number;
}

const read = (): Clocks => ({ wall: Date.now(), monotonic: performance.now() });

/** How much more the wall clock has advanced than the monotonic one, ms. */
export function parted(before: Clocks, after: Clocks): number {
  return after.wall - before.wall - (after.monotonic - before.monotonic);
}

export async function checkClock(gateway: Status | undefined): Promise<Finding[]> {
  const before = read();
  await sleep(LOOK);
  const after = read();
  const findings = [checkDate(after.wall), checkSteps(parted(before, after), LOOK, AGREEMENT, 'in half a second')];
  if (gateway !== undefined) {
    const age = gateway.now.monotonic - gateway.started.monotonic;
    findings.push(checkSteps(parted(gateway.started, gateway.now), age, WINDOW, `since the gateway began ${showDuration(age)} ago`));
  }
  return findings;
}

export function checkDate(wall: number): Finding {
  const shows = new Date(wall).toISOString();
  if (wall >= RELEASED) return { check: 'clock', verdict: 'ok', text: `it shows ${shows}` };
  return {
    check: 'clock',
    verdict: 'fail',
    text: `CLOCK_WRONG: it shows ${shows}, which is before this version was made (${new Date(RELEASED).toISOString().slice(0, 10)})`,
    action: 'Set it, with NTP for example.',
  };
}

function checkSteps(off: number, span: number, allowed: number, when: string): Finding {
  const text = `wall and monotonic clock parted by ${Math.round(Math.abs(off))} ms ${when}`;
  // Half a per mille of a long span is what slewing may do by itself.
  if (Math.abs(off) <= Math.max(allowed, span / 2_000)) return { check: 'clock', verdict: 'ok', text };
  return { check: 'clock', verdict: 'warn', text, action: 'Something sets the clock in steps, or the machine was suspended: let NTP slew it, and look for a second program that sets it.' };
}
