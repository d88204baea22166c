/**
 * udp.signed: what a datagram costs a gateway over loopback UDP, against a bare dgram socket in a process of its own, each fed
 * by 8 sockets of another process. Datagrams may be lost: what came is counted, at the message event of both. The figure is
 * messages a second of the server's CPU time, because on two CPUs the clock's time is the generator's as much as the server's.
 */

import { withChildren } from '../lib/child.mjs';
import { compare, row as rowOf } from '../lib/compare.mjs';
import { median } from '../lib/statistics.mjs';

const CLIENTS = 8;
const WINDOW = 60_000;

class Pair {
  figures = [];

  constructor(server, generator) {
    this.server = server;
    this.generator = generator;
  }

  async open(kind, options) {
    const port = await this.server.call('start', options);
    await this.generator.call('open', { kind, port, clients: CLIENTS, ...options });
  }

  /** One round: `each` datagrams of every client. Gives messages a second of CPU. */
  async round(each) {
    await this.generator.call('prepare', { count: each }, 60);
    await this.server.call('arm');
    const [, result] = await Promise.all([this.generator.call('go', { count: each }, 60), this.server.call('result', {}, 60)]);
    this.figures.push({ ...result, part: result.count / (each * CLIENTS) });
    return 1e6 / result.cpu;
  }

  /** Of each round but the first, which warms up. */
  all(/** @type {'cpu' | 'rate'} */ key) {
    return this.figures.slice(1).map((figure) => figure[key]);
  }

  get arrived() {
    return `${(100 * median(this.figures.map(({ part }) => part))).toFixed(0)} %`;
  }
}

export async function run({ name, quick, emit, row, note }) {
  const { rounds, each } = quick ? { rounds: 3, each: 2_000 } : { rounds: 7, each: 4_000 };
  const files = ['udp/gateway-server.mjs', 'udp/generator.mjs', 'udp/sink-server.mjs', 'udp/generator.mjs'];
  await withChildren(files, async (...child) => {
    const ours = new Pair(child[0], child[1]), sink = new Pair(child[2], child[3]);
    await ours.open('gateway', { suite: 'signed', window: WINDOW });
    await sink.open('sink', {});
    const main = await compare({
      name, rounds, unit: 'messages/s', better: 'high', peerName: 'a bare dgram sink', goal: 0.6,
      ours: () => ours.round(each),
      peer: () => sink.round(each),
    }, emit);
    row(main);
    row(rowOf({ name: `${name}-cpu`, unit: 'µs', better: 'low', peerName: 'a bare dgram sink, CPU a datagram' }, ours.all('cpu'), sink.all('cpu')));
    row(rowOf({ name: `${name}-clock`, unit: 'messages/s', better: 'high', peerName: 'a bare dgram sink, by the clock' }, ours.all('rate'), sink.all('rate')));
    note(`of what was sent ${ours.arrived} came to the gateway, ${sink.arrived} to the sink: the rest the system dropped; where all came, the generator is the limit by the clock`);
  });
}
