/** All metrics that a gateway can have but those of a time server: one with a backend and a broker, which are both away. */
import type { Place } from '../cli/harness.js';
import { read, type Read } from '../http/parser.js';

export async function scrapeAll(place: Place): Promise<Read['samples']> {
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\tidelock-docs-${process.pid}` : place.path('own/b.sock');
  const { gateway } = await place.serve(['--metrics', '0', '--mqtt', 'mqtt://127.0.0.1:9', '--backend-socket', socket]);
  const { metrics } = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { metrics: string };
  return read(await (await fetch(`${metrics}/metrics`)).text(), 'prometheus').samples;
}
