/** The words of the command line. What they do stands in a module each, loaded only when it is asked for. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { resolve } from './config.js';
import { parseDuration } from './duration.js';
import { escapeText, safeJson } from './escape.js';
import { EXIT_OK } from './exits.js';
import type { Manner } from './failure.js';
import { EXIT_CODES, EXAMPLES } from './help.js';
import { Output } from './output.js';
import { addDeviceTopics, addEntities, addMessageCommands } from './message-commands.js';
import { Fault, findSetting, SETTINGS } from './settings.js';
import { packageVersion as version } from '../version.js';
import { collect, place, PLACES, withSettings, type Add, type Flags, type Run } from './words.js';
import type { Core, Engine, Kind } from './firmware-layout.js';
import { parseAddress } from '../transport/address.js';
import type { Suite } from '../gateway/types.js';

/** What main() learns of the run. */
export interface Outcome {
  exit: number;
  /** Help, or the version, which is still to be printed. */
  text?: string;
}

export { version };

export function createProgram(outcome: Outcome, manner: Manner): Command {
  const program = new Command('tidelock')
    .description('Authenticated, timestamped, unrepeatable frames between small devices and a gateway.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError()
    .configureOutput({ writeOut: (text) => void (outcome.text = (outcome.text ?? '') + text), outputError: (text, write) => write(usageLine(text, manner, 'tidelock')) })
    .addHelpText('after', `${EXAMPLES.tidelock}\n${EXIT_CODES}`)
    .exitOverride();

  const add: Add = (parent, words, description, example) =>
    inherit(parent.command(words), parent, manner)
      .description(description)
      .option('--debug', 'print the stack of an error')
      .addHelpText('after', example === '' ? '' : `\n${example}`);

  const run: Run = (action) =>
    async function (this: Command): Promise<void> {
      const flags = this.opts<Flags>();
      outcome.exit = (await action(resolve({ flags, environment: process.env }), flags, this.processedArgs as string[])) ?? EXIT_OK;
    };

  withSettings(add(program, 'serve', 'run a gateway; print each message as a line', EXAMPLES.serve), SETTINGS)
    .option('--limit <NAME=N>', 'one of the limits of docs/cli.md, may be given again', collect)
    .action(
      run(async ({ settings, warnings }) => {
        const { serve } = await import('./serve.js');
        return serve(settings, warnings, version());
      }),
    );

  add(program, 'device', 'be a device: send the lines of stdin, print what comes', EXAMPLES.device)
    .argument('<URL...>', 'address of the gateway, tidelock://host[:port], with TLS tidelocks://; several are tried in turn')
    .requiredOption('--id <ID>', 'identity of the device')
    .requiredOption('--key-file <FILE>', 'file with its key')
    .addOption(new Option('--key-id <N>', 'which of its keys that is').default(0).argParser(smallNumber))
    .addOption(new Option('--lifetime <TIME>', 'how long a line may wait, such as 30s').default(60_000, '60s').argParser(parseDuration))
    .addOption(new Option('--suites <NAMES>', 'sealed, signed, signed-8').default(['sealed'], 'sealed').argParser(suiteNames))
    .option('--ca <FILE>', 'with TLS: certificates of the authorities to trust; `system` for those of Node, beside --pin')
    .option('--pin <PIN>', 'with TLS: sha256/… of the key of a gateway, may be given again', collect)
    .option('--server-name <NAME>', 'with TLS: the name in the certificate, where it is not the host')
    .option('--topic <TOPIC>', 'send all lines under this topic, such as temp/inlet')
    .addOption(new Option('--topics', 'each line is a topic, a tab, and the text').conflicts('topic'))
    .option('--listen', 'stay when stdin has ended')
    .option('--record <FILE>', 'remember there what was taken, so that nothing is in doubt after an end')
    .option('--json', 'write one JSON object a line')
    .action(async function (this: Command, urls: string[]) {
      const flags = this.opts<Flags>();
      const { runDevice } = await import('./device.js');
      outcome.exit = await runDevice(urls, {
        id: flags['id'] as string,
        keyFile: flags['keyFile'] as string,
        keyId: flags['keyId'] as number,
        listen: flags['listen'] === true,
        lifetime: flags['lifetime'] as number,
        suites: flags['suites'] as Suite[],
        topic: flags['topics'] === true ? { of: 'line' } : flags['topic'] === undefined ? undefined : { of: 'all', name: flags['topic'] as string },
        trust: { ca: flags['ca'] as string | undefined, pins: flags['pin'] as string[] | undefined, servername: flags['serverName'] as string | undefined },
        recordFile: flags['record'] as string | undefined,
        manner: { ...manner, json: flags['json'] === true },
      });
    });

  const send = add(program, 'send', 'queue a message for a device', EXAMPLES.send)
    .argument('<ID>', 'identity of the device')
    .argument('<TEXT>', 'the message; - reads it from stdin')
    .option('--topic <TOPIC>', 'send it under this topic, such as valve/set')
    .option('--wait', 'wait until the device has acknowledged it')
    .addOption(new Option('--lifetime <TIME>', 'how long it may wait for the device, such as 30s or 7d').argParser(parseDuration));
  withSettings(send, PLACES.map(place)).action(
    run(async ({ settings }, flags, [identity, text]) => {
      const { send } = await import('./send.js');
      const lifetime = flags['lifetime'] as number | undefined, topic = flags['topic'] as string | undefined;
      return send(settings, { identity: identity!, text: text!, wait: flags['wait'] === true, lifetime, topic }, new Output());
    }),
  );

  addDevices(add, program, run);

  addRegistry(add, program, run);

  addMessageCommands(add, program, run);

  addCert(add, program);

  add(program, 'keygen', 'write a new key into a file', EXAMPLES.keygen)
    .argument('<FILE>', 'file to write; it must not exist')
    .option('--json', 'write one JSON object')
    .action(async function (this: Command, file: string) {
      const { keygen } = await import('./keygen.js');
      await keygen(file, new Output(), this.opts<Flags>()['json'] === true);
    });

  addFirmware(add, program);

  addDecode(add(program, 'decode', 'say what captured bytes are: hexadecimal, a file, pcap or pcapng', EXAMPLES.decode));

  add(program, 'discover', 'look for gateways on this link; nothing that answers is proven', EXAMPLES.discover)
    .addOption(new Option('--timeout <TIME>', 'how long to wait for answers').default(3_000, '3s').argParser(parseDuration))
    .option('--json', 'write one JSON object a gateway')
    .action(async function (this: Command) {
      const { runDiscover } = await import('./discover.js');
      await runDiscover({ timeout: this.opts<Flags>()['timeout'] as number, json: this.opts<Flags>()['json'] === true }, new Output());
    });

  withSettings(add(program, 'restored', 'tell a database that it is a restored backup', EXAMPLES.restored), PLACES.map(place)).action(
    run(async ({ settings }) => {
      const { restored } = await import('./restored.js');
      await restored(settings, new Output());
    }),
  );

  withSettings(add(program, 'doctor', 'look for what would keep a gateway from working', EXAMPLES.doctor), [...PLACES, 'listen', 'sntp', 'tlsCert', 'tlsKey', 'mqtt', 'mqttPrefix', 'mqttProtocol', 'mqttUserFile', 'mqttCa', 'mqttCert', 'mqttKey'].map(place)).action(
    async function (this: Command) {
      const { doctor } = await import('./doctor.js');
      outcome.exit = await doctor({ flags: this.opts<Flags>(), environment: process.env }, new Output());
    },
  );
  return program;
}

function addDecode(command: Command): void {
  command
    .argument('[INPUT...]', 'hexadecimal digits, files, or - for stdin (default)')
    .option('--datagram', 'the bytes are datagrams; a line or argument of digits is one each')
    .option('--key-file <ID=FILE>', 'a key to check and open with, may be given again', collect)
    .option('--database <URL>', 'take keys from this database, which no gateway may have open')
    .option('--master-key-file <FILE>', 'the key under which they lie wrapped there')
    .addOption(new Option('--port <N>', 'port of gateways in a capture (default 8433)').argParser(portNumber))
    .option('--verbose', 'print every field')
    .option('--json', 'write one JSON object a line')
    .action(async function (this: Command, words: string[]) {
      const flags = this.opts<Flags>();
      const { decode } = await import('./decode.js');
      await decode(words, {
        datagram: flags['datagram'] === true,
        keyFiles: (flags['keyFile'] ?? []) as string[],
        database: flags['database'] as string | undefined,
        masterKeyFile: flags['masterKeyFile'] as string | undefined,
        port: flags['port'] as number | undefined,
        verbose: flags['verbose'] === true,
        json: flags['json'] === true,
      }, new Output());
    });
}

function addDevices(add: Add, program: Command, run: Run): void {
  const devices = add(program, 'devices', 'add, list, disable and enable devices', EXAMPLES.devices);
  const load = () => import('./devices.js');

  const one = add(devices, 'add', 'add a device; print its key once', '')
    .argument('<ID>', 'identity: id or realm/id')
    .option('--key-file <FILE>', 'write the key into this new file instead of printing it')
    .addOption(new Option('--import-key-file <FILE>', 'use the key in this file').conflicts('keyFile'))
    .addOption(new Option('--iotsocket', 'it speaks IoTSocket: ten digits, and its key is text').conflicts('qr'))
    .addOption(new Option('--qr', 'show a QR code for provisioning instead of the key').conflicts('json'));
  withProvision(one);
  withSettings(one, PLACES.map(place)).action(
    run(async ({ settings }, flags, [identity]) => {
      const files = { keyFile: flags['keyFile'] as string | undefined, importKeyFile: flags['importKeyFile'] as string | undefined };
      if (flags['iotsocket'] === true) await (await import('./iotsocket.js')).addIotsocketDevice(settings, identity!, files, new Output());
      else await (await load()).addDevice(settings, identity!, files, flags['qr'] === true ? provisionFlags(flags) : undefined, new Output());
    }),
  );
  withSettings(add(devices, 'list', 'list the devices', ''), PLACES.map(place)).action(
    run(async ({ settings }) => (await load()).listDevices(settings, new Output())),
  );
  addTransfer(add, devices, run);
  const loadKeys = () => import('./device-keys.js');
  withSettings(add(devices, 'keys', 'list the keys of a device, never their bytes', '').argument('<ID>', 'identity of the device'), PLACES.map(place)).action(
    run(async ({ settings }, _, [identity]) => (await loadKeys()).listKeys(settings, identity!, new Output())),
  );
  const rotate = add(devices, 'rotate', 'make the next key of a device; both open until the old one ends', '')
    .argument('<ID>', 'identity of the device')
    .requiredOption('--key-file <FILE>', 'write the key into this new file');
  withSettings(rotate, PLACES.map(place)).action(
    run(async ({ settings }, flags, [identity]) => (await loadKeys()).rotateKey(settings, identity!, flags['keyFile'] as string, new Output())),
  );
  for (const word of ['retire', 'revoke'] as const) {
    const text = word === 'retire' ? 'end a key whose follower is in use' : 'end a key that others may know, at once';
    const command = add(devices, word, text, '')
      .argument('<ID>', 'identity of the device')
      .addOption(new Option('--key-id <N>', 'number of the key').argParser(smallNumber).makeOptionMandatory());
    withSettings(command, PLACES.map(place)).action(
      run(async ({ settings }, flags, [identity]) => (await loadKeys()).endKey(settings, word, identity!, flags['keyId'] as number, new Output())),
    );
  }
  for (const word of ['disable', 'enable'] as const) {
    const text = word === 'disable' ? 'refuse a device; a session it has is closed' : 'let a disabled device in again';
    withSettings(add(devices, word, text, '').argument('<ID>', 'identity of the device'), PLACES.map(place)).action(
      run(async ({ settings }, _, [identity]) => (await load()).switchDevice(settings, word, identity!, new Output())),
    );
  }
  addDeviceTopics(add, devices, run);
  addEntities(add, devices, run);
}

/** `devices export` and `devices import`. */
function addTransfer(add: Add, devices: Command, run: Run): void {
  const out = add(devices, 'export', 'write devices into a file; keys only where asked for', EXAMPLES.export)
    .argument('[ID...]', 'identities; none: all')
    .addOption(new Option('--format <FORMAT>', 'csv, json, nvs (a file a device for ESP-IDF) or qr').choices(['csv', 'json', 'nvs', 'qr']).default('csv'))
    .option('--out <FILE>', 'new file, for its owner alone; with nvs a folder (default: stdout)')
    .option('--with-keys', 'write the keys too')
    .option('--stdout', 'print keys');
  withSettings(withProvision(out), PLACES.map(place)).action(
    run(async ({ settings }, flags, [identities]) => {
      const { exportDevices } = await import('./transfer/export.js');
      const format = flags['format'] as 'csv' | 'json' | 'nvs' | 'qr';
      const request = { format, withKeys: flags['withKeys'] === true, out: flags['out'] as string | undefined, stdout: flags['stdout'] === true, ...provisionFlags(flags) };
      await exportDevices(settings, { identities: identities as unknown as string[], ...request }, new Output());
    }),
  );
  const into = add(devices, 'import', 'take devices from a file, all or none', EXAMPLES.import)
    .argument('<FILE>', 'CSV or JSON as export writes it; - reads stdin')
    .addOption(new Option('--format <FORMAT>', 'csv or json (default: by the name of the file)').choices(['csv', 'json']))
    .addOption(new Option('--existing <WHAT>', 'devices that exist: refuse, skip or replace').choices(['refuse', 'skip', 'replace']).default('refuse'))
    .option('--new-keys', 'make a key for each device that comes without')
    .option('--dry-run', 'check everything, write nothing');
  withSettings(into, PLACES.map(place)).action(
    run(async ({ settings }, flags, [file]) => {
      const { importDevices } = await import('./transfer/import.js');
      await importDevices(settings, {
        file: file!, format: flags['format'] as 'csv' | 'json' | undefined, existing: flags['existing'] as 'refuse' | 'skip' | 'replace',
        newKeys: flags['newKeys'] === true, dryRun: flags['dryRun'] === true,
      }, new Output());
    }),
  );
}

function withProvision(command: Command): Command {
  return command
    .addOption(new Option('--url <URL>', 'for a QR code or NVS: address of the gateway').argParser(address))
    .addOption(new Option('--pin <PIN>', 'for a QR code or NVS: sha256/… of the key of its certificate, twice at most').argParser(twoPins))
    .option('--force', 'let a QR code go where no terminal is');
}

function provisionFlags(flags: Flags): { url: string | undefined; pins: string[]; force: boolean } {
  return { url: flags['url'] as string | undefined, pins: (flags['pin'] ?? []) as string[], force: flags['force'] === true };
}

function addRegistry(add: Add, program: Command, run: Run): void {
  const registry = add(program, 'registry', 'how keys lie in the database: as they are, or wrapped under a master key', EXAMPLES.registry);
  const load = () => import('./registry.js');
  withSettings(add(registry, 'wrap', 'wrap all keys under the master key', ''), PLACES.map(place)).action(
    run(async ({ settings }) => (await load()).wrapKeys(settings, new Output())),
  );
  const rewrap = add(registry, 'rewrap', 'wrap all keys under another master key', '').requiredOption('--new-master-key-file <FILE>', 'file with that other key');
  withSettings(rewrap, PLACES.map(place)).action(
    run(async ({ settings }, flags) => (await load()).rewrapKeys(settings, flags['newMasterKeyFile'] as string, new Output())),
  );
  withSettings(add(registry, 'unwrap', 'put all keys back as they are', ''), PLACES.map(place)).action(
    run(async ({ settings }) => (await load()).unwrapKeys(settings, new Output())),
  );
}

function addFirmware(add: Add, program: Command): void {
  add(program, 'firmware', 'write the device in C: sources, a component for ESP-IDF, a library for Arduino', EXAMPLES.firmware)
    .requiredOption('--out <DIR>', 'folder to write; it must be empty or not exist')
    .addOption(new Option('--for <WHAT>', 'what it is to be').choices(['c', 'esp-idf', 'arduino']).default('c'))
    .addOption(new Option('--engine <NAME>', 'what runs the core: itself as C, or the interpreter WAMR').choices(['wasm2c', 'wamr']).default('wasm2c'))
    .addOption(new Option('--core <NAME>', 'device: all; small: streams, sealed alone; hal: blocks of SHA-256 and ChaCha20 native (default: device)').choices(['device', 'small', 'hal']))
    .option('--force', 'write into a folder that is not empty')
    .option('--json', 'write one JSON object')
    .action(async function (this: Command) {
      const flags = this.opts<Flags>();
      const { firmware } = await import('./firmware.js');
      const words = { out: flags['out'] as string, kind: flags['for'] as Kind, engine: flags['engine'] as Engine, core: flags['core'] as Core | undefined };
      await firmware({ ...words, force: flags['force'] === true, json: flags['json'] === true }, version(), new Output());
    });
}

function addCert(add: Add, program: Command): void {
  add(program, 'cert', 'make a certificate for the local network, and print its pin', EXAMPLES.cert)
    .argument('<CERT_FILE>', 'the certificate')
    .argument('<KEY_FILE>', 'its key; a new one must not exist')
    .option('--name <NAME>', 'host name or IP address that it is for, may be given again (default: those of this machine)', collect)
    .addOption(new Option('--days <N>', 'how long it is valid').default(3650).argParser(days))
    .option('--keep-key', 'renew the certificate of an existing key: the pin stays')
    .addOption(new Option('--show', 'make nothing; say what an existing one holds').conflicts(['name', 'keepKey']))
    .option('--json', 'write one JSON object')
    .action(async function (this: Command, certFile: string, keyFile: string) {
      const flags = this.opts<Flags>(), json = flags['json'] === true;
      const { cert, showCertificate } = await import('./cert.js');
      if (flags['show'] === true) await showCertificate(certFile, keyFile, json, new Output());
      else await cert({ certFile, keyFile, names: (flags['name'] ?? []) as string[], days: flags['days'] as number, keepKey: flags['keepKey'] === true, json }, new Output());
    });
}

/** Subcommands behave like their parent in what commander does not pass on. */
function inherit(command: Command, parent: Command, manner: Manner): Command {
  const path = `${pathOf(parent)} ${command.name()}`;
  return command.copyInheritedSettings(parent).configureOutput({ outputError: (text, write) => write(usageLine(text, manner, path)) });
}

/** As it is typed. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function days(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > 36_500) throw new InvalidArgumentError('Write a number of days from 1 to 36500.');
  return Number(text);
}

function smallNumber(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 255) throw new InvalidArgumentError('Write a number from 0 to 255.');
  return Number(text);
}

function portNumber(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1 || Number(text) > 65_535) throw new InvalidArgumentError('Write a number from 1 to 65535.');
  return Number(text);
}

/** A device keeps 128 bytes of it. */
function address(text: string): string {
  try {
    parseAddress(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}`);
  }
  if (Buffer.byteLength(text) > 128) throw new InvalidArgumentError('It has more than 128 bytes.');
  return text;
}

function twoPins(text: string, before: string[] | undefined): string[] {
  if (!/^sha256\/[A-Za-z0-9+/]{43}=$/.test(text)) throw new InvalidArgumentError('Write it as `tidelock cert` printed it, sha256/….');
  if (before?.length === 2) throw new InvalidArgumentError('A device takes two.');
  return [...(before ?? []), text];
}

function suiteNames(text: string): Suite[] {
  try {
    return findSetting('suites')!.parse(text) as Suite[];
  } catch (error) {
    if (error instanceof Fault) throw new InvalidArgumentError(`It ${error.message}.`);
    throw error;
  }
}

/** Commander's `error: unknown command 'srve'\n(Did you mean serve?)`, in the form of all other errors. */
function usageLine(text: string, { json }: Manner, path: string): string {
  const [problem = '', ...hints] = text.trim().replace(/^error: /, '').split('\n');
  // What comes nearest to them by its letters means something else.
  const secret = /^unknown option '--mqtt-(user|password)\b/.test(problem), told = secret ? problem.replace(/=.*$/s, "'") : problem;
  const action = [...(secret ? ['Lists of processes are public: give --mqtt-user-file, or TIDELOCK_MQTT_USER and TIDELOCK_MQTT_PASSWORD.'] : hints), `See ${path} --help.`].join(' ');
  if (json) return `${safeJson({ error: { code: 'USAGE', problem: told, action } })}\n`;
  return `tidelock: ${escapeText(told)}${/[.?!]$/.test(told) ? '' : '.'}\n  → ${escapeText(action)}\n`;
}
