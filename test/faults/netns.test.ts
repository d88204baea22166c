/**
 * One real run: device, proxy and gateway each in a network namespace of their own, and the kernel's links between them go
 * down, or lose one way, while the proxy does what it does.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Installed } from '../package/installed.js';
import { skip, skipMissing, found } from '../support/skip.js';
import { LINKS, type LinkKind } from './links.js';
import { canMakeNamespaces, Namespaces } from './netns.js';
import { untilStruck, userProject, type Ways } from './processes.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);
/** Fewer of datagrams, because each that is lost costs two seconds and more of real time. */
const messagesOf = (link: LinkKind): number => (LINKS[link].datagrams ? 30 : 100);

const NEEDS = 'network namespaces (root, iproute2)';
// Where iproute2 is there and the kernel or the user may not, no installation helps.
const inNamespaces = canMakeNamespaces() ? test : found('ip', '-V') ? skip(test, `needs ${NEEDS}`) : skipMissing(test, NEEDS);

const links = Object.keys(LINKS) as LinkKind[];

type Run = Ways & { kernelStrikes: number; netem: string };
let user: Installed | undefined;
const made: Namespaces[] = [];
const children = new Set<ChildProcess>();
/** All at once, because most of their time is waiting. */
let runs: Map<LinkKind, Promise<Run>> | undefined;

const remove = (): void => {
  for (const child of children) child.kill('SIGKILL');
  for (const each of made.splice(0)) each.remove();
};
test.after(() => {
  remove();
  user?.remove();
});
process.once('exit', remove);

async function run(link: LinkKind, project: string, seed: number): Promise<Run> {
  const name = `tidelock-${process.pid}-${link}`, namespaces = new Namespaces(name);
  made.push(namespaces);
  namespaces.make();
  const program = fileURLToPath(new URL('netns-run.ts', import.meta.url));
  const [command = '', ...args] = [
    ...namespaces.inside(namespaces.middle), process.execPath, '--import', 'tsx', program, name, link, String(messagesOf(link)), String(seed), project,
  ];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const said = await text(child.stdout);
  children.delete(child);
  namespaces.remove();
  return { ...(JSON.parse(said) as Ways & { kernelStrikes: number }), netem: namespaces.netem };
}

for (const link of links) {
  inNamespaces(`${link} between network namespaces: nothing lost, nothing twice (seed ${SEED})`, async () => {
    if (runs === undefined) {
      const { directory } = (user = userProject());
      runs = new Map(links.map((each) => [each, untilStruck(SEED, (seed) => run(each, directory, seed))]));
      for (const each of runs.values()) each.catch(() => undefined); // its test throws it
    }
    const { up, down, strikes, kernelStrikes, netem, sessions } = await runs.get(link)!;
    assert.equal([...up.problems, ...down.problems], []);
    assert.is(up.acknowledged, messagesOf(link));
    assert.ok(kernelStrikes > 0 && strikes > 0);
    console.log(`${link}, seed ${SEED}: ${up.acknowledged} up, ${down.acknowledged} down, ${strikes} faults of the proxy, `
      + `${kernelStrikes} of the kernel, netem: ${netem || 'not in this kernel'}, ${sessions} sessions`);
  });
}

test.run();
