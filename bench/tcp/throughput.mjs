/**
 * Messages a second over loopback TCP: gateway and aedes each in a process, each fed by 8 raw sockets of another process.
 * Both count at their message event; the time runs from the first message to the last.
 */

import { OWN_CPU, compare, row as rowOf } from '../lib/compare.mjs';
import { median } from '../lib/statistics.mjs';
import { quantity } from '../lib/report.mjs';
import { withChildren } from '../lib/child.mjs';

const CLIENTS = 8;
const PER_WRITE = 64;
const FRAME = 85;
/** Below it a server waits for its load: the generator is the limit, not the server. */
const FULL = 0.9;
const WINDOW = 60_000;

const sizes = (quick) =>
  quick
    ? { rounds: 3, each: 6_400, single: 1_600, mqttjs: 1_600 }
    : { rounds: 7, each: 64_000, single: 12_800, mqttjs: 9_600 };

/** @typedef {{ rate: number, cpu: number, busy: number, generator: number }} Figure */

/** One server with its generator; `figures` gathers what each round told. */
class Pair {
  port = 0;
  figures = /** @type {Figure[]} */ ([]);

  constructor(server, generator, bytes) {
    this.server = server;
    this.generator = generator;
    this.bytes = bytes;
  }

  async open(kind, options = {}) {
    this.port = await this.server.call('start', options);
    await this.generator.call('open', { kind, port: this.port, clients: CLIENTS, bytes: this.bytes, ...options });
  }

  /** One round: `each` messages of every client. Gives messages a second. */
  async round(each, perWrite) {
    await this.generator.call('prepare', { count: each, perWrite });
    return this.measure(each, 'go');
  }

  async measure(each, go) {
    await this.server.call('arm', { count: each * CLIENTS, bytes: this.bytes });
    const sent = this.generator.call(go, { count: each }, 60);
    const [load, result] = await Promise.all([sent, this.server.call('result', {}, 60)]).catch(async (error) => {
      throw new Error(`${error.message} (${await this.server.call('progress').catch(() => 'no word from the server')})`);
    });
    this.figures.push({ ...result, generator: load.busy });
    return result.rate;
  }

  /** Medians of the rounds since the last call. */
  take() {
    const figures = this.figures;
    this.figures = [];
    const of = (/** @type {keyof Figure} */ key) => median(figures.map((figure) => figure[key]));
    return { rate: of('rate'), cpu: of('cpu'), busy: of('busy'), generator: of('generator'), cpus: figures.map(({ cpu }) => cpu) };
  }
}

/** @param {'signed'|'sealed'} suite */
export async function throughput(suite, { name, quick, emit, row, note }) {
  const size = sizes(quick);
  const files = ['tcp/gateway-server.mjs', 'tcp/generator.mjs', 'tcp/aedes-server.mjs', 'tcp/generator.mjs', 'tcp/sink-server.mjs', 'tcp/generator.mjs'];
  await withChildren(files, async (...child) => {
    const ours = new Pair(child[0], child[1], FRAME);
    const aedes = new Pair(child[2], child[3], 0);
    const sink = new Pair(child[4], child[5], FRAME);
    await ours.open('gateway', { suite, window: WINDOW });
    await aedes.open('aedes');
    await sink.open('sink');

    const plan = { unit: 'messages/s', better: 'high', peerName: 'aedes, QoS 0' };
    const main = await compare({
      ...plan, name, rounds: size.rounds, goal: 2,
      ours: () => ours.round(size.each, PER_WRITE),
      peer: () => aedes.round(size.each, PER_WRITE),
    }, emit);
    row(main);
    const chunked = [ours.take(), aedes.take()];
    row(rowOf({ name: `${name}-cpu`, unit: 'µs', better: 'low', peerName: 'aedes, CPU a message' }, chunked[0].cpus, chunked[1].cpus));
    note(`${PER_WRITE} messages a write: ${loads(...chunked)}; the generator's ceiling against a bare TCP sink: ${await ceiling(sink, size.each, PER_WRITE)}`);

    row(await compare({
      ...plan, name: `${name}-single`, rounds: 3, peerName: 'aedes, QoS 0, one message a write',
      ours: () => ours.round(size.single, 1),
      peer: () => aedes.round(size.single, 1),
    }, emit));
    note(`one message a write: ${loads(ours.take(), aedes.take())}; the generator's ceiling: ${await ceiling(sink, size.single, 1)}`);

    await aedes.generator.call('openMqttClients', { port: aedes.port, clients: CLIENTS });
    const js = [];
    for (let round = 0; round <= 3; round++) js.push(await aedes.measure(size.mqttjs, 'goMqttClients'));
    note(`aedes fed by ${CLIENTS} mqtt.js clients: ${quantity(median(js.slice(1)), 'messages/s')}${limit(aedes.take())}`);
  });
}

/** Messages a second that the generator manages where the server does nothing. */
async function ceiling(sink, each, perWrite) {
  const rates = [];
  for (let round = 0; round <= 3; round++) rates.push(await sink.round(each, perWrite));
  return quantity(median(rates.slice(1)), 'messages/s');
}

/** How busy everyone was, and what a message cost the servers. */
function loads(ours, aedes) {
  const side = (name, figure) =>
    `${name} ${percent(figure.busy)} busy at ${figure.cpu.toFixed(2)} µs CPU a message, its generator ${percent(figure.generator)}${limit(figure)}`;
  return `${side('gateway', ours)}; ${side('aedes', aedes)}`;
}

const percent = (part) => `${(100 * part).toFixed(0)} %`;

/** A server that was not idle and yet had little CPU waited for other programs. */
function limit({ busy, cpu, rate }) {
  if (busy < FULL) return ' [the generator is the limit]';
  const own = (cpu * rate) / 1e6;
  return own < OWN_CPU ? ` [other programs had the CPU ${(100 * (1 - own)).toFixed(0)} % of the time]` : '';
}
