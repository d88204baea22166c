/** `tidelock serve --discovery` and `tidelock discover` in a network of their own, with two interfaces, IPv4 and IPv6. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { COMMAND, jsonLines, Place } from '../cli/harness.js';
import { skip } from '../support/skip.js';

const network = ['-rn', 'sh', '-ec', 'ip link set lo up; ip link add tl0 type veth peer name tl1; ip link set tl0 up; ip link set tl1 up; ip addr add 198.51.100.1/24 dev tl0; "$@"', 'sh'];
const there = spawnSync('unshare', [...network, 'true'], { stdio: 'ignore' }).status === 0;
const test = there ? uvuTest : skip(uvuTest, 'network namespaces need unshare, ip, and the right to make them');

/** What runs in the namespace: a gateway, and searches until IPv6 has settled (duplicate address detection takes 2 s). */
const SCRIPT = `
import { spawn, spawnSync } from 'node:child_process';
const [node, command] = [process.execPath, process.argv[2]];
const run = (...words) => spawnSync(node, [command, ...words], { encoding: 'utf8' });
const none = run('discover', '--json', '--timeout', '1s');
const gateway = spawn(node, [command, 'serve', '--listen', 'tidelock://0.0.0.0:8433', '--listen', 'tidelock://[::1]:8435', '--discovery', 'plant/gateway-2'], { stdio: ['ignore', 'ignore', 'pipe'] });
let log = '';
await new Promise((resolve, reject) => {
  gateway.stderr.on('data', (text) => (log += text).includes('ready') && resolve());
  gateway.on('exit', () => reject(new Error(log)));
});
const found = [];
for (let i = 0; i < 10 && !found.some((text) => text.includes('fe80')); i++) found.push(run('discover', '--json', '--timeout', '2s').stdout);
const text = run('discover', '--timeout', '1s');
gateway.kill('SIGKILL');
process.stdout.write(JSON.stringify({ none, found, text }));
`;

test('by IPv4 and IPv6, on every interface; nothing where no gateway runs', async () => {
  const place = new Place();
  try {
    writeFileSync(place.path('inside.mjs'), SCRIPT);
    const { stdout, stderr, status } = spawnSync('unshare', [...network, process.execPath, place.path('inside.mjs'), COMMAND], { cwd: place.folder, encoding: 'utf8', maxBuffer: 1 << 24 });
    assert.is(status, 0, stderr);
    const { none, found, text } = JSON.parse(stdout) as { none: { status: number; stderr: string }; found: string[]; text: { status: number; stdout: string; stderr: string } };
    assert.is(none.status, 1);
    assert.match(none.stderr, /NOTHING_FOUND/);
    const answers = jsonLines(found.join(''));
    assert.ok(answers.every(({ name, proven }) => name === 'plant/gateway-2' && proven === false));
    const at = (address: RegExp): Record<string, unknown> => answers.find((answer) => address.test(answer['address'] as string))!;
    assert.equal(at(/^198/)['urls'], ['tidelock://198.51.100.1:8433']);
    assert.equal(at(/^127/)['urls'], ['tidelock://127.0.0.1:8433', 'tidelock://127.0.0.1:8435']);
    assert.match(at(/^fe80/)['address'] as string, /%tl[01]$/);
    assert.equal(at(/^fe80/)['urls'], [], 'an address with a zone has no URL');
    assert.is(text.status, 0);
    assert.match(text.stderr, /^Nothing of what follows is proven/);
    assert.match(text.stdout, /^plant\/gateway-2\t198\.51\.100\.1\ttidelock:\/\/198\.51\.100\.1:8433$/m);
  } finally {
    await place.clean();
  }
});

uvuTest.run();
