/**
 * Installs what the tests use beside npm's packages: `npm run parts`. Debian packages by apt-get, only those whose command is
 * missing; Python packages by pip into build/python, which tests put on PYTHONPATH (test/support/python.ts); C sources out of
 * crates by cargo into build/ (scripts/lib/crates.mjs); programs in Go into build/go. Needs root or sudo for apt-get. Without it the tests skip what they cannot
 * run, and say which part is missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installCrates } from './lib/crates.mjs';
import { root } from './lib/root.mjs';

/** Command → the Debian packages that bring it and what it needs. */
const DEBIAN = {
  strace: 'strace',
  ip: 'iproute2',
  make: 'make',
  'g++': 'g++',
  git: 'git',
  tshark: 'tshark',
  python3: 'python3',
  pip3: 'python3-pip',
  php: 'php-cli',
  'systemd-analyze': 'systemd',
  psql: 'postgresql',
  chronyc: 'chrony',
  socat: 'socat',
  promtool: 'prometheus',
  mosquitto: 'mosquitto',
  mosquitto_pub: 'mosquitto-clients',
  script: 'bsdutils',
  wasm2c: 'wabt',
  'arm-none-eabi-gcc': 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
  'riscv64-unknown-elf-gcc': 'gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf',
  'qemu-system-arm': 'qemu-system-arm',
  'qemu-system-riscv32': 'qemu-system-misc',
  cargo: 'cargo',
  clang: 'clang libclang-rt-14-dev',
};

/** Packages of PyPI with their exact versions. */
const PYTHON = ['prometheus-client==0.22.1', 'IOTSocket==1.0', 'esp-idf-nvs-partition-gen==0.3.0'];

/** Programs in Go with their exact versions, built into build/go: the command, and its package. */
const GO = { 'nats-server': 'github.com/nats-io/nats-server/v2@v2.15.2' };
const GO_FOLDER = path.join(root, 'build', 'go');
const GO_STAMP = path.join(GO_FOLDER, 'parts.txt');

const FOLDER = path.join(root, 'build', 'python');
const STAMP = path.join(FOLDER, 'parts.txt');

/**
 * @param {string} command
 * @param {string[]} words
 */
function run(command, ...words) {
  const { status, error, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  if (status === 0) return;
  console.error(`${stdout ?? ''}${stderr ?? ''}`.split('\n').slice(-20).join('\n'));
  throw new Error(`${command} ${words.join(' ')} failed (${error?.message ?? status})`);
}

/** @param {string} command */
const found = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;

function installDebian() {
  const missing = Object.entries(DEBIAN).filter(([command]) => !found(command)).flatMap(([, names]) => names.split(' '));
  if (missing.length === 0) return;
  console.log(`installing ${missing.join(' ')}`);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  /** @param {string[]} words */
  const apt = (...words) => run(...(/** @type {[string, ...string[]]} */ ([...sudo, 'apt-get', '-q', ...words])));
  apt('update');
  apt('install', '-y', '--no-install-recommends', ...missing);
}

function installPython() {
  const wanted = `${PYTHON.join('\n')}\n`;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  console.log(`installing ${PYTHON.join(' ')}`);
  run('python3', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--upgrade', '--target', FOLDER, ...PYTHON);
  writeFileSync(STAMP, wanted);
}

function installGo() {
  const wanted = `${Object.values(GO).join('\n')}\n`;
  if (existsSync(GO_STAMP) && readFileSync(GO_STAMP, 'utf8') === wanted) return;
  if (!found('go')) {
    console.error(`without Go (https://go.dev) the tests of ${Object.keys(GO).join(', ')} are skipped`);
    return;
  }
  mkdirSync(GO_FOLDER, { recursive: true });
  for (const name of Object.values(GO)) {
    console.log(`building ${name}`);
    run('env', `GOBIN=${GO_FOLDER}`, 'CGO_ENABLED=0', 'go', 'install', name);
  }
  writeFileSync(GO_STAMP, wanted);
}

try {
  installDebian();
  installGo();
  installPython();
  installCrates();
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exitCode = 1;
}
