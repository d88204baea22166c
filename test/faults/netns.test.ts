/**
 * One real run: device, proxy and gateway each in a network namespace of their own, and the kernel's links between them go
 * down, or lose one way, while the proxy does what it does.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { killChildren } from '../e2e/support.js';
import type { Installed } from '../package/installed.js';
import { skip, skipMissing, found } from '../support/skip.js';
import { LINKS, type LinkKind } from './links.js';
import { canMakeNamespaces, Namespaces } from './netns.js';
import { userProject, type Ways } from './processes.js';

const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);
const MESSAGES = 150;

const NEEDS = 'network namespaces (root, iproute2)';
// Where iproute2 is there and the kernel or the user may not, no installation helps.
const inNamespaces = canMakeNamespaces() ? test : found('ip', '-V') ? skip(test, `needs ${NEEDS}`) : skipMissing(test, NEEDS);

let user: Installed | undefined;
let namespaces: Namespaces | undefined;
test.after.each(() => {
  killChildren();
  namespaces?.remove();
});
test.after(() => user?.remove());
process.once('exit', () => namespaces?.remove());

for (const link of Object.keys(LINKS) as LinkKind[]) {
  inNamespaces(`${link} between network namespaces: nothing lost, nothing twice (seed ${SEED})`, async () => {
    user ??= userProject();
    namespaces = new Namespaces(`tidelock-${process.pid}-${link}`);
    namespaces.make();
    const [command = '', ...args] = [
      ...namespaces.inside(namespaces.middle), process.execPath, '--import', 'tsx', fileURLToPath(new URL('netns-run.ts', import.meta.url)),
      `tidelock-${process.pid}-${link}`, link, String(MESSAGES), String(SEED), user.directory,
    ];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ways = JSON.parse(await text(child.stdout)) as Ways & { kernelStrikes: number };
    assert.equal([...ways.up.problems, ...ways.down.problems], []);
    assert.is(ways.up.acknowledged, MESSAGES);
    assert.ok(ways.kernelStrikes > 0 && ways.strikes > 0);
    console.log(`${link}, seed ${SEED}: ${ways.up.acknowledged} up, ${ways.down.acknowledged} down, ${ways.strikes} faults of the proxy, `
      + `${ways.kernelStrikes} of the kernel, netem: ${namespaces.netem || 'not in this kernel'}, ${ways.sessions} sessions`);
  });
}

test.run();
