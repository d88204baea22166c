/** The sums of a run in words. */
import type { TrialSums } from './trial.js';

export function table({ readings, acknowledged, lost, repeats, readingsInDoubt, commands, obeyed, delivered, expired, inDoubt, faults, seconds }: TrialSums): string {
  return [
    `readings: ${readings} sent, ${acknowledged} acknowledged, ${lost} lost, ${repeats} came again under the same tl-id, ${readingsInDoubt} in doubt`,
    `commands: ${commands} published, ${obeyed} obeyed, ${delivered} delivered, ${expired} expired, ${inDoubt} in doubt`,
    `failures: ${Object.entries(faults).map(([name, times]) => `${name} ${times} ×`).join(', ')}; ${seconds.toFixed(0)} s`,
  ].join('\n');
}
