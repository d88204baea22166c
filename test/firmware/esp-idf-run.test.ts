/**
 * The component of ESP-IDF on this machine: its task, its TLS by mbedTLS 3.6.5 and its settings, against the real gateway. FreeRTOS's
 * tasks are threads here, the sockets Linux's, NVS a table (standin/host.c): what is shown is the component's logic, not a chip.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inPlace, type Place, type Running } from '../cli/harness.js';
import { CLIENT, SANITIZED, compile } from './compiled.js';
import { COMPONENT, STANDIN, flags, mbedtls, sourcesOf, withParts, type Core, type Options } from './esp-idf-parts.js';

const running = withParts(test, 'gcc');
const programs = new Map<string, string>();

interface Build {
  /** Words for the compiler. */
  flags: readonly string[];
  core: Core;
  options?: Options;
  sources?: readonly string[];
}

const CHECKED: Build = { flags: SANITIZED, core: 'device' };

/** The component with the driver of standin/component.c. */
function program(build: Build): string {
  const name = JSON.stringify(build);
  const built = programs.get(name);
  if (built !== undefined) return built;
  const options = { CONFIG_TIDELOCK_ENTROPY_RADIO: undefined, CONFIG_TIDELOCK_ENTROPY_BOOTLOADER: 1, ...build.options };
  const made = compile({
    sources: [...['component', 'host', 'nvs'].map((it) => `${STANDIN}/${it}.c`), ...sourcesOf('src'), ...CLIENT, 'src/engine-wasm2c.c', ...(build.sources ?? []), mbedtls()],
    flags: [...flags({ chip: 'esp32c3', core: build.core, options }), ...build.flags, '-Wl,--wrap=getaddrinfo', '-pthread'],
  });
  programs.set(name, made);
  return made;
}

/** A running component: lines in, lines out. */
class Component {
  output = '';
  readonly child: ChildProcess;
  readonly #looks = new Set<() => void>();
  #at = 0;

  constructor(file: string) {
    this.child = spawn(file, { stdio: 'pipe' });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        for (const look of this.#looks) look();
      });
    }
    this.child.once('close', () => this.#looks.forEach((look) => look()));
    this.child.stdin!.on('error', () => undefined);
  }

  say(...lines: string[]): void {
    this.child.stdin!.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** The next line that matches, after the last one that was waited for. */
  next(wanted: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = wanted.exec(this.output.slice(this.#at));
        if (found) {
          this.#at += found.index + found[0].length;
          resolve(found);
        } else if (this.child.exitCode !== null || this.child.signalCode !== null) reject(new Error(`it ended without ${wanted}:\n${this.output}`));
        else return;
        this.#looks.delete(look);
      };
      this.#looks.add(look);
      look();
    });
  }

  /** Does it, and expects its answer. */
  async do(line: string, answer = 'ESP_OK'): Promise<void> {
    this.say(line);
    assert.is((await this.next(new RegExp(`^${line.split(' ')[0]}: (\\w+)$`, 'm')))[1], answer, this.output);
  }

  async ended(): Promise<number | null> {
    this.child.stdin!.end();
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close');
    return this.child.exitCode;
  }
}

interface Scene {
  place: Place;
  device: Component;
}

/** A device provisioned at a gateway's database and in the component's NVS, but for its address. */
async function scene(run: (scene: Scene) => Promise<void>, build = CHECKED): Promise<void> {
  await inPlace(async (place) => {
    const added = await place.run(['devices', 'add', 'sensor-1', '--key-file', 'sensor-1.key']);
    assert.is(added.code, 0, added.stderr);
    const device = new Component(program(build));
    try {
      device.say('id=sensor-1', `key=${readFileSync(place.path('sensor-1.key'), 'latin1').trim()}`);
      await run({ place, device });
      assert.is(await device.ended(), 0, device.output);
    } finally {
      device.child.kill('SIGKILL');
      await device.ended();
    }
  });
}

interface Certificate {
  words: string[];
  pin: string;
}

async function certificate(place: Place, name: string, host = 'localhost'): Promise<Certificate> {
  const made = await place.run(['cert', `${name}.crt`, `${name}.key`, '--name', host]);
  assert.is(made.code, 0, made.stderr);
  return { words: ['--tls-cert', `${name}.crt`, '--tls-key', `${name}.key`], pin: /sha256\/\S+/.exec(made.stdout)![0] };
}

/** A gateway with that certificate: its addresses without and with TLS. */
async function serveTls(place: Place, { words }: Certificate): Promise<{ gateway: Running; tcp: string; tls: string }> {
  const gateway = place.start(['serve', '--listen', 'tidelock://127.0.0.1:0', '--listen', 'tidelocks://127.0.0.1:0', '--log-format', 'json', ...words]);
  const ready = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { addresses: string[] };
  const of = (scheme: string): string => ready.addresses.find((it) => it.startsWith(scheme))!;
  return { gateway, tcp: of('tidelock:'), tls: of('tidelocks:').replace('127.0.0.1', 'localhost') };
}

async function isNotBelieved(device: Component): Promise<void> {
  assert.is((await device.next(/^(online|offline \w+)/m))[1], 'offline ESP_ERR_TIDELOCK_CERTIFICATE');
}

running('TCP: a reading on the gateway’s disk, a command obeyed and one refused, the gateway’s restart survived', () => scene(async ({ place, device }) => {
  const { gateway, url } = await place.serve();
  device.say(`url=${url}`);
  await device.do('create');
  await device.do('start');
  await device.do('start', 'ESP_ERR_INVALID_STATE');
  await device.do('wait 20000 21.5 degrees');
  assert.match(await gateway.line('stdout', /21\.5/), /^sensor-1\t\S+\t21\.5 degrees$/);
  const obeyed = await place.run(['send', 'sensor-1', 'valve open', '--wait', '--lifetime', '30s']);
  assert.is(obeyed.code, 0, obeyed.stderr);
  await device.next(/^message valve open\nsend inside ESP_ERR_TIDELOCK_REENTRANT\nstop inside ESP_ERR_TIDELOCK_REENTRANT$/m);
  const refused = await place.run(['send', 'sensor-1', 'nope', '--wait', '--lifetime', '30s']);
  assert.is.not(refused.code, 0);
  assert.match(refused.stdout + refused.stderr, /refused/);
  await device.do('publish temp/inlet 21.5');
  assert.match(await gateway.line('stdout', /inlet/), /^sensor-1\t\S+\t21\.5\ttemp\/inlet$/);
  const set = await place.run(['send', 'sensor-1', 'open', '--topic', 'valve/set', '--wait', '--lifetime', '30s']);
  assert.is(set.code, 0, set.stderr);
  await device.next(/^topic valve\/set trust 2\nmessage open$/m);
  gateway.signal('SIGKILL');
  await gateway.ended();
  await device.next(/^offline ESP_OK /m);
  await device.do('send while it is away');
  await device.next(/^offline ESP_ERR_TIDELOCK_CONNECT why \d+ detail \d+ retry 1$/m);
  const again = place.start(['serve', '--listen', url]);
  await device.next(/^online /m);
  await again.line('stdout', /while it is away/);
  await device.next(/^result delivered$/m);
  await device.do('post once');
  await again.line('stdout', /once/);
  await device.do('stop');
  await device.do('stop', 'ESP_ERR_INVALID_STATE');
  await device.do('start');
  await device.do('wait 20000 after a stop');
  await device.do('destroy');
}));

running('without on_message commands are events, acknowledged when the loop has them', () => scene(async ({ place, device }) => {
  const { url } = await place.serve();
  device.say(`url=${url}`);
  await device.do('create quiet');
  await device.do('start');
  await device.next(/^online /m);
  const sent = await place.run(['send', 'sensor-1', 'valve open', '--wait', '--lifetime', '30s']);
  assert.is(sent.code, 0, sent.stderr);
  await device.next(/^event message valve open$/m);
  await device.do('destroy');
}));

running('TLS: a pinned key is believed, now or next; another is not, and nothing is sent to it', () => scene(async ({ place, device }) => {
  const mine = await certificate(place, 'gateway');
  const other = await certificate(place, 'other');
  device.say(`url=${(await serveTls(place, mine)).tls}`, `pin=${mine.pin}`);
  await device.do('create');
  await device.do('start');
  await device.do('wait 20000 pinned');
  await device.do('destroy');
  device.say(`pin=${other.pin}`, `pin2=${mine.pin}`);
  await device.do('create');
  await device.do('start');
  await device.do('wait 20000 pinned twice');
  await device.do('destroy');
  device.say(`pin2=${other.pin}`);
  await device.do('create');
  await device.do('start');
  await isNotBelieved(device);
  await device.do('destroy');
  assert.is(device.output.match(/^online/gm)!.length, 2, 'a session only with those that are believed');
}));

running('TLS: an authority is believed for its name alone, and with a pin both must hold', () => scene(async ({ place, device }) => {
  const mine = await certificate(place, 'gateway');
  const elsewhere = await certificate(place, 'elsewhere', 'another.example');
  const { gateway, tls } = await serveTls(place, mine);
  device.say(`url=${tls}`, `ca=${place.path('gateway.crt')}`);
  await device.do('create');
  await device.do('start');
  await device.do('wait 20000 by authority');
  await device.do('destroy');
  device.say(`pin=${elsewhere.pin}`);
  await device.do('create');
  await device.do('start');
  await isNotBelieved(device);
  await device.do('destroy');
  gateway.signal('SIGKILL');
  await gateway.ended();
  device.say(`url=${(await serveTls(place, elsewhere)).tls}`, `ca=${place.path('elsewhere.crt')}`);
  await device.do('create');
  await device.do('start');
  await isNotBelieved(device);
  await device.do('destroy');
}));

running('what was provisioned wrongly is named by its error', () => scene(async ({ device }) => {
  await device.do('create', 'ESP_ERR_OTHER'); // no url: ESP_ERR_NVS_NOT_FOUND
  for (const url of ['http://gateway', 'tidelock://', 'tidelock://host:0', 'tidelock://host:65536', 'tidelock://host:80x', 'tidelock://[::1', 'tidelock://host/path', `tidelock://${'h'.repeat(110)} x`]) {
    device.say(`url=${url}`);
    await device.do('create', 'ESP_ERR_TIDELOCK_URL');
  }
  device.say('url=tidelocks://localhost');
  await device.do('create', 'ESP_ERR_TIDELOCK_TRUST');
  for (const pin of ['sha256/', 'sha1/lRgS4p1nsUBDlEcOHDWGYv//uhC7e00H4HPyS0o7I8s=', 'sha256/lRgS4p1nsUBDlEcOHDWGYv//uhC7e00H4HPyS0o7I8t=', 'sha256/lRgS4p1nsUBDlEcOHDWGYv__uhC7e00H4HPyS0o7I8s=']) {
    device.say(`pin=${pin}`);
    await device.do('create', 'ESP_ERR_TIDELOCK_PIN');
  }
  device.say('pin=sha256/lRgS4p1nsUBDlEcOHDWGYv//uhC7e00H4HPyS0o7I8s=', 'url=tidelocks://[::1]:8433/');
  await device.do('create');
  await device.do('destroy');
  device.say(`key=${'00'.repeat(31)}`);
  await device.do('create', 'ESP_ERR_OTHER'); // ESP_ERR_INVALID_SIZE
}));

running('a name that is not found, and a message whose time is over', () => scene(async ({ device }) => {
  device.say('url=tidelock://no-such-host.invalid');
  await device.do('create');
  await device.do('start');
  await device.next(/^offline ESP_ERR_TIDELOCK_RESOLVE /m);
  await device.do('destroy');
  device.say('url=tidelock://127.0.0.1:1');
  await device.do('create');
  await device.do('start');
  device.say('wait 300 too late');
  await device.next(/^wait: (ESP_ERR_TIDELOCK_NOT_DELIVERED|ESP_ERR_TIMEOUT)$/m); // the latter on a machine that is busy
  await device.do('destroy');
}));

running('the core hal over an engine that behaves as the chip’s: a session, a reading, a command', () => scene(async ({ place, device }) => {
  const { gateway, url } = await place.serve();
  device.say(`url=${url}`);
  await device.do('create');
  await device.do('start');
  await device.do(`wait 20000 ${'hashed '.repeat(30)}`);
  await gateway.line('stdout', /(hashed ){30}/);
  const sent = await place.run(['send', 'sensor-1', 'valve open', '--wait', '--lifetime', '30s']);
  assert.is(sent.code, 0, sent.stderr);
  await device.do('destroy');
}, { flags: SANITIZED, core: 'hal', options: { CONFIG_TIDELOCK_SHA_HARDWARE: 1, TL_HAL_OWN_SHA256: 1 }, sources: ['src/hal.c', `${STANDIN}/sha-engine.c`] }));

running('the stack that the task takes is what the component’s README says, and within Kconfig’s defaults', () => scene(async ({ place, device }) => {
  const readme = readFileSync(`${COMPONENT}/README.md`, 'utf8');
  const kconfig = readFileSync(`${COMPONENT}/Kconfig`, 'utf8');
  const mine = await certificate(place, 'gateway');
  const { tcp, tls } = await serveTls(place, mine);
  device.say(`pin=${mine.pin}`);
  for (const [name, url, byDefault] of [['TCP', tcp, /default (\d+)$/m], ['TLS', tls, /default (\d+) if TIDELOCK_TLS/]] as const) {
    device.say(`url=${url}`);
    await device.do('create');
    await device.do('start');
    await device.do('wait 20000 reading');
    const sent = await place.run(['send', 'sensor-1', 'valve open', '--wait', '--lifetime', '30s']);
    assert.is(sent.code, 0, sent.stderr);
    device.say('stack');
    const used = Number((await device.next(/^stack (\d+) of \d+$/m))[1]);
    await device.do('destroy');
    const [, most, standard] = new RegExp(`^\\| ${name}.*\\| ([\\d.]+) KiB \\| ([\\d.]+) KiB \\|$`, 'm').exec(readme)!;
    const stack = kconfig.slice(kconfig.indexOf('config TIDELOCK_TASK_STACK'));
    assert.ok(Math.abs(used - 1024 * Number(most)) <= 512, `${name} takes ${used} bytes, the README says ${most} KiB`);
    assert.is(Number(byDefault.exec(stack)![1]), 1024 * Number(standard));
    assert.ok(used <= 1024 * Number(standard));
  }
}, { flags: ['-Os'], core: 'device' }));

test.run();
