/** `tidelock discover`: which gateways on this link answer, for a person to look at. */
import { systemClock } from '../clock.js';
import { discover, type FoundGateway } from '../discovery/discover.js';
import { TidelockError } from '../errors.js';
import { escapeText } from './escape.js';
import type { Output } from './output.js';

/** Throws NOTHING_FOUND, OUTPUT_FAILED. `timeout` in ms. */
export async function runDiscover({ timeout, json }: { timeout: number; json: boolean }, output: Output): Promise<void> {
  if (!json) process.stderr.write('Nothing of what follows is proven: anybody on this link may answer.\n');
  let count = 0;
  const lines: Promise<void>[] = [];
  await discover({
    timeout,
    clock: systemClock,
    found: (gateway) => {
      count += 1;
      lines.push(json ? output.json({ ...gateway, proven: false }) : output.line(line(gateway)));
    },
  });
  await Promise.all(lines);
  if (count === 0) throw new TidelockError('NOTHING_FOUND', { ms: timeout });
}

/** Name, address, and where to connect, with a tab between. */
function line({ name, address, links, urls }: FoundGateway): string {
  const ways = urls.length > 0 ? urls : links.map(({ kind, port }) => `${kind} port ${port}`);
  return [name, address, ways.join(' ')].map(escapeText).join('\t');
}
