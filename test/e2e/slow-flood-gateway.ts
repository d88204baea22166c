/**
 * The gateway of slow-flood.test.ts, with its own defaults. It answers `measure` on stdin with `measured {…}`: its RSS now and the
 * most since it began, bytes; the event loop's utilisation over two seconds of quiet; its counters.
 */
import { createInterface } from 'node:readline';
import { performance } from 'node:perf_hooks';
import { Gateway } from 'tidelock/gateway';

const QUIET_MS = 2_000;
const SAMPLE_MS = 20;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const gateway = await Gateway.listen({ listen: 'tidelock://127.0.0.1:0', devices: { 'pump-7': new Uint8Array(32).fill(7) }, window: 60_000 });
let delivered = 0;
gateway.on('message', () => void (delivered += 1));
let peak = 0;
const sample = (): NodeJS.Timeout => setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), SAMPLE_MS);
let sampler = sample();
say(`listening ${gateway.address}`);

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'measure') continue;
  clearInterval(sampler); // what samples is no part of the quiet
  const before = performance.eventLoopUtilization();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const { utilization } = performance.eventLoopUtilization(before);
  const rss = process.memoryUsage.rss();
  say(`measured ${JSON.stringify({ rss, peak: Math.max(peak, rss), utilization, delivered, counters: gateway.counters() })}`);
  sampler = sample();
}
clearInterval(sampler);
await gateway.close({ drain: 0 });
