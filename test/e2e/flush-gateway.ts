/**
 * The gateway of flush.test.ts, here and of the bridge, run under a trace of system calls: DATABASE, `thread` or not, and a broker if there is one. It
 * says where it listens, with a broker `keeps` once it takes commands, and `closed` when it has ended, which it does when stdin does.
 */
import { mqtt } from 'tidelock/bridge';
import { Gateway } from 'tidelock/gateway';
import { openRegistry } from 'tidelock/registry';

const [url = '', thread, broker] = process.argv.slice(2);
const registry = await openRegistry(url, { thread: thread === 'thread' });
// `signed` leaves bodies and acknowledged numbers readable in the trace; when they leave has nothing to do with the suite.
const bridge = broker === undefined ? undefined : mqtt({ url: broker, connections: 1, probe: 0 });
const gateway = await Gateway.listen({ registry, listen: 'tidelock://127.0.0.1:0', suites: ['signed'], window: 60_000, ...(bridge === undefined ? {} : { bridge }) });
process.stdout.write(`listening ${gateway.address}\n`);
if (bridge !== undefined) {
  const timer = setInterval(() => {
    if (!bridge.counters().keeper) return;
    clearInterval(timer);
    process.stdout.write('keeps\n');
  }, 20);
}
process.stdin.resume().once('end', () => {
  void gateway.close().then(() => registry.close()).then(() => process.stdout.write('closed\n'));
});
