/**
 * Readings up and commands down through a gateway with a bridge, while one thing after the other fails. Gateway (`tidelock serve`), devices, broker and
 * database are processes of their own; what comes at the broker is seen by plain clients of mqtt.js, whose sessions the broker keeps.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import mqttClient, { type MqttClient } from 'mqtt';
import { openRegistry } from 'tidelock/registry';
import { Child, folder, quietPort } from '../../e2e/support.js';
import type { PostgresServer } from '../../support/postgres.js';
import { Books, type Sums } from './books.js';
import { Cut } from './cut.js';
import type { FaultName, TrialBroker } from './failures.js';
import { fail } from './failures.js';

const PREFIX = 'run';
/** Readings of a device, and commands for it, that are under way at a time. */
const FLIGHT = 4;
/** Of ten commands one has a lifetime this short, ms, so that some end while something is away. */
const SHORT_LIFE = 3_000;
const LONG_LIFE = 7_200_000;
/** ms without any progress after which it is a hang. */
const HANGS = 120_000;

const MAIN = fileURLToPath(new URL('../../../dist/host/cli/main.js', import.meta.url));
const programs = (name: string): string => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

export interface TrialOptions {
  broker: TrialBroker;
  /** Undefined: SQLite. */
  postgres: PostgresServer | undefined;
  mode: 'inbox' | 'through';
  devices: number;
  /** Of all devices together. */
  readings: number;
  commands: number;
  /** One after the other. */
  faults: readonly FaultName[];
  /** ms for which a gateway is stopped. */
  stopped: number;
  /** ms for which something else is away. */
  away: number;
  /** What the gateway breaks, as a control: see spoiled-bridge.mjs. */
  spoil?: string;
  say?(text: string): void;
}

export interface TrialSums extends Sums {
  faults: Record<string, number>;
  seconds: number;
}

export class Trial {
  readonly options: TrialOptions;
  readonly books: Books;
  readonly cut: Cut;
  readonly #folder: string;
  readonly #database: string;
  readonly #port: number;
  #gateway!: Child;
  #crowd!: Child;
  #clients: MqttClient[] = [];
  /** Commands still to be published, and those whose PUBACK is missing, a device each. */
  #due: number[];
  #moved = Date.now();
  #look: () => void = () => undefined;

  private constructor(options: TrialOptions, cut: Cut, at: string, database: string, port: number) {
    this.options = options;
    this.books = new Books(options.devices);
    this.cut = cut;
    this.#folder = at;
    this.#database = database;
    this.#port = port;
    this.#due = Array.from({ length: options.devices }, () => 0);
  }

  static async run(options: TrialOptions): Promise<TrialSums> {
    const began = Date.now(), at = folder();
    const database = options.postgres === undefined ? `sqlite:${path.join(at, 'gateway.db')}` : await options.postgres.place();
    const trial = new Trial(options, await Cut.open(options.broker.port), at, database, await quietPort());
    try {
      return { ...(await trial.#run()), faults: count(options.faults), seconds: (Date.now() - began) / 1_000 };
    } finally {
      await trial.#end();
    }
  }

  /** Told by everything that goes on, once the books have it. */
  moved(): void {
    this.#moved = Date.now();
    this.#look();
  }

  get gateway(): Child {
    return this.#gateway;
  }

  startGateway(): void {
    const { mode, spoil, broker } = this.options;
    this.#gateway = new Child([
      'env', ...(spoil === undefined ? [] : [`TIDELOCK_SPOIL=${spoil}`]), process.execPath, ...(spoil === undefined ? [] : ['--import', programs('spoiled-bridge.mjs')]),
      MAIN, 'serve', '--database', this.#database, '--listen', `tidelock://127.0.0.1:${this.#port}`, '--mqtt', `mqtt://127.0.0.1:${this.cut.port}`,
      '--mqtt-mode', mode, '--mqtt-prefix', PREFIX, '--mqtt-protocol', broker.protocol === 5 ? '5' : '3.1.1', '--log-level', 'error', '--control', path.join(this.#folder, 'control'),
      '--config', this.#config(),
    ]);
    void this.#gateway.ended.then((how) => typeof how === 'number' && this.books.problem('gateway ended', `with code ${how}, by itself`));
  }

  /** Rates of HELLO are lifted, because all devices share an address. */
  #config(): string {
    const file = path.join(this.#folder, 'config.json');
    writeFileSync(file, JSON.stringify({ limits: { helloRate: 10_000, helloBurst: 100_000 } }));
    return file;
  }

  async #run(): Promise<Sums> {
    const { options, books } = this, { devices, readings, commands, faults, say } = options;
    const keys = await this.#prepare();
    await this.#listen();
    this.startGateway();
    this.#crowd = new Child([process.execPath, programs('crowd.mjs'), JSON.stringify({ url: `tidelock://127.0.0.1:${this.#port}`, devices: keys, flight: FLIGHT })], (line) => this.#hear(line));
    await Promise.race([this.#crowd.line('online'), this.#gateway.ended.then((how) => Promise.reject(new Error(`the gateway ended with ${how}`)))]);
    // Each fault strikes in the middle of its share of the load; the last share has none.
    const shares = faults.length + 1;
    for (let share = 0; share < shares; share++) {
      const more = part(readings / devices, share, shares), orders = part(commands / devices, share, shares), before = books.told, due = devices * more;
      books.more(more);
      this.#crowd.tell(`more ${more}`);
      for (let device = 0; device < devices; device++) this.#order(device, orders);
      const name = faults[share];
      if (name !== undefined) {
        await this.#until(`half of share ${share + 1}`, () => books.told - before >= due / 2);
        say?.(`${name}: ${books.acknowledged} acknowledged, ${books.results} of ${books.commands} commands have ended`);
        await fail(name, this);
      }
      await this.#until(`the readings of share ${share + 1}`, () => books.told - before >= due);
      await this.#until(`the commands of share ${share + 1}`, () => this.#due.every((left) => left === 0));
    }
    await this.#until('all results', () => books.results >= books.commands);
    await this.#until('all readings at the broker', () => books.missing() === 0);
    return books.close(options.mode === 'through');
  }

  async #prepare(): Promise<[string, string][]> {
    const registry = await openRegistry(this.#database), keys: [string, string][] = [];
    for (let i = 0; i < this.options.devices; i++) {
      const key = await registry.add(`d${i}`);
      keys.push([`d${i}`, Buffer.from(key).toString('hex')]);
    }
    await registry.close();
    return keys;
  }

  /** Two who listen and one who commands; their sessions outlive their connections. */
  async #listen(): Promise<void> {
    const { broker } = this.options, protocolVersion = broker.protocol;
    const open = async (clientId: string): Promise<MqttClient> => {
      const client = await mqttClient.connectAsync(`mqtt://127.0.0.1:${broker.otherPort}`, {
        clientId: `${PREFIX}-${clientId}`, clean: false, protocolVersion, reconnectPeriod: 200, ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 86_400 } } : {}),
      });
      client.on('error', () => undefined);
      this.#clients.push(client);
      return client;
    };
    const listener = await open('listener');
    listener.on('message', (topic, payload, { properties }) => {
      setImmediate(() => this.moved());
      const [, , id = '', kind] = topic.split('/'), device = Number(id.slice(1));
      if (!/^d\d+$/.test(id)) return; // the bridge's probes
      if (kind === 'result') {
        const { result, message, 'tl-id': tlId = '' } = JSON.parse(payload.toString()) as { result: string; message?: string; 'tl-id'?: string };
        return this.books.result(tlId, result, message);
      }
      const user = properties?.userProperties?.['tl-id'];
      if (typeof user === 'string') return this.books.readingCame(device, user, payload.toString());
      const { 'tl-id': told = '', text = '' } = JSON.parse(payload.toString()) as { 'tl-id'?: string; text?: string };
      this.books.readingCame(device, told, text);
    });
    await listener.subscribeAsync([`${PREFIX}/+/+/up`, `${PREFIX}/+/+/result`], { qos: 1 });
    await open('commander');
  }

  /** One of a device at a time, so that they reach the broker in order whatever the client's resending does. */
  #order(device: number, count: number): void {
    const waiting = this.#due[device]!;
    this.#due[device] = waiting + count;
    if (waiting === 0 && count > 0) void this.#publish(device);
  }

  async #publish(device: number): Promise<void> {
    const { broker } = this.options, commander = this.#clients[1]!;
    while (this.#due[device]! > 0) {
      const tlId = this.books.command(device), topic = `${PREFIX}/-/d${device}/down`;
      const note = { 'tl-id': tlId, 'tl-time': String(Date.now()), 'tl-lifetime': String(this.books.commands % 10 === 0 ? SHORT_LIFE : LONG_LIFE) };
      if (broker.protocol === 5) await commander.publishAsync(topic, tlId, { qos: 1, properties: { userProperties: note } });
      else await commander.publishAsync(topic, JSON.stringify({ ...note, text: tlId }), { qos: 1 });
      this.#due[device]! -= 1;
      this.moved();
    }
  }

  #hear(line: string): void {
    setImmediate(() => this.moved());
    const [word = '', first = '', second = '', ...rest] = line.split(' ');
    if (word === 'told') this.books.readingTold(Number(second), Number(first), rest.join(' '));
    else if (word === 'obeyed') this.books.obeyed(Number(first), second);
    else if (word !== 'online') this.books.problem('error', line);
  }

  /** Ends in the turn in which the condition holds: a failure that comes later may find nothing under way. A hang is a problem of its own, and ends the run: what is missing then shows in the books. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    this.#moved = Date.now();
    await new Promise<void>((resolve) => {
      const hangs = setInterval(() => {
        if (Date.now() - this.#moved <= (this.options.spoil === undefined ? HANGS : HANGS / 10)) return;
        this.books.problem('hang', what);
        over();
      }, 500);
      const over = (): void => {
        clearInterval(hangs);
        this.#look = () => undefined;
        resolve();
      };
      this.#look = () => condition() && over();
      this.#look();
    });
  }

  async #end(): Promise<void> {
    this.#crowd?.endInput();
    this.#gateway?.kill();
    await this.#crowd?.ended;
    await this.#gateway?.ended;
    for (const client of this.#clients) await client.endAsync(true);
    await this.cut.close();
  }
}

/** Whole numbers that add up to `all`. */
function part(all: number, share: number, shares: number): number {
  return Math.floor((all * (share + 1)) / shares) - Math.floor((all * share) / shares);
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
