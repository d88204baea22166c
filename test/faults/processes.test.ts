/** Gateway and device as processes of their own, made with the packed package, under all faults at once and SIGKILL. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { killChildren } from '../e2e/support.js';
import type { Installed } from '../package/installed.js';
import * as faults from './faults.js';
import { LINKS, type LinkKind } from './links.js';
import { oneOf } from './packet.js';
import { runProcesses, untilStruck, userProject, type Ways } from './processes.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);
/** Fewer of datagrams, because each that is lost costs two seconds and more of real time. */
const messagesOf = (link: LinkKind): number => (LINKS[link].datagrams ? 30 : 100);

const links = Object.keys(LINKS) as LinkKind[];
const stream = [faults.cut, faults.corrupt, faults.gatewayRestart];
const datagram = [faults.reorder, faults.duplicate, faults.corrupt, faults.loss, faults.rebind, faults.gatewayRestart];

let user: Installed;
/** All at once, because most of their time is waiting. */
let runs: Map<LinkKind, Promise<Ways>>;
test.before(() => {
  user = userProject();
  runs = new Map(links.map((link) => {
    const run = untilStruck(SEED, (seed) => runProcesses({
      link, messages: messagesOf(link), seed, project: user.directory,
      fault: (random) => oneOf(random, (LINKS[link].datagrams ? datagram : stream).map((each) => each(random))),
    }));
    run.catch(() => undefined); // its test throws it
    return [link, run];
  }));
});
test.after(() => {
  killChildren();
  user.remove();
});

for (const link of links) {
  test(`${link}: every fault and SIGKILL to the gateway, both ways at once: nothing lost, nothing twice (seed ${SEED})`, async () => {
    const { up, down, strikes, sessions, kills } = await runs.get(link)!;
    assert.equal([...up.problems, ...down.problems], []);
    assert.is(up.acknowledged, messagesOf(link));
    assert.ok(strikes > 0);
    console.log(`${link}, seed ${SEED}: ${up.acknowledged} up, ${down.acknowledged} down, ${down.inDoubt} in doubt, ${strikes} faults, ${kills} kills, ${sessions} sessions`);
  });
}

test.run();
