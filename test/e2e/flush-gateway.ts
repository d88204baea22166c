/** The gateway of flush.test.ts, run under a trace of system calls. It says where it listens, and ends when stdin does. */
import { Gateway } from 'tidelock/gateway';
import { openRegistry } from 'tidelock/registry';

const [url = '', thread] = process.argv.slice(2);
const registry = await openRegistry(url, { thread: thread === 'thread' });
// `signed` leaves bodies and acknowledged numbers readable in the trace; when they leave has nothing to do with the suite.
const gateway = await Gateway.listen({ registry, listen: 'tidelock://127.0.0.1:0', suites: ['signed'], window: 60_000 });
process.stdout.write(`listening ${gateway.address}\n`);
process.stdin.resume().once('end', () => {
  void gateway.close().then(() => registry.close());
});
