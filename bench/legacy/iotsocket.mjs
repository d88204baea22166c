/**
 * iotsocket.server: messages a second of our IoTSocket gateway and of the Python server, each fed by the same devices, each
 * in a process of its own: as they ship, within the limit of 333 messages in 3 s a device, and with that limit lifted on both.
 */

import { compare, row as rowOf } from '../lib/compare.mjs';
import { withChildren } from '../lib/child.mjs';
import { quantity } from '../lib/report.mjs';
import { median } from '../lib/statistics.mjs';
import { foundPython } from './python.mjs';

/** Of one burst. */
const DEVICES = 30;
/** Of one round, each by devices of its own, so that none must wait for the stamps of the last. One alone is over in 9 ms, before the server is warm. */
const BURSTS = 10;
/** One write of a device: 107 bytes a frame, so that all of it fits into one read of the Python server. */
const BURST = 300;
/** Both forget the stamps of a burst after this, so that within the limit the next may begin. */
const PAUSE_MS = 7_000;

class Side {
  figures = /** @type {{ rate: number, cpu: number, busy: number }[]} */ ([]);

  constructor(server, generator) {
    this.server = server;
    this.generator = generator;
  }

  async open(lifted) {
    const port = await this.server.call('start', { lifted });
    await this.generator.call('open', { port, devices: DEVICES * BURSTS });
  }

  async round() {
    const bursts = [];
    for (let i = 0; i < BURSTS; i++) {
      await this.server.call('arm', { count: DEVICES * BURST });
      const [, result] = await Promise.all([this.generator.call('go', { count: BURST, from: i * DEVICES, devices: DEVICES }), this.server.call('result', {}, 60)]);
      bursts.push(result);
    }
    const mean = (/** @type {(burst: { rate: number, cpu: number, busy: number }) => number} */ of) => bursts.reduce((sum, burst) => sum + of(burst), 0) / BURSTS;
    // Of all bursts together: as many messages in each.
    const figures = { rate: 1 / mean(({ rate }) => 1 / rate), cpu: mean(({ cpu }) => cpu), busy: mean(({ busy }) => busy) };
    this.figures.push(figures);
    return figures.rate;
  }

  take() {
    const figures = this.figures.slice(1); // the first warmed up
    return { cpus: figures.map(({ cpu }) => cpu), busy: median(figures.map(({ busy }) => busy)), cpu: median(figures.map(({ cpu }) => cpu)) };
  }
}

export async function run({ name, quick, emit, row, note, skip }) {
  if (!foundPython('IOTSocket')) return skip('it needs the Python package IOTSocket: npm run parts');
  const files = ['legacy/gateway-server.mjs', 'legacy/generator.mjs', 'legacy/python-server.mjs', 'legacy/generator.mjs'];
  for (const lifted of [true, false]) {
    await withChildren(files, async (...child) => {
      const ours = new Side(child[0], child[1]), peer = new Side(child[2], child[3]);
      await ours.open(lifted);
      await peer.open(lifted);
      const suffix = lifted ? '' : '-limited', peerName = `IOTSocket 1.0 on Python, ${lifted ? 'its limit patched out' : 'as it ships'}`;
      let last = 0;
      row(await compare({
        name: `${name}${suffix}`, unit: 'messages/s', better: 'high', peerName, goal: 5, rounds: quick ? 2 : lifted ? 9 : 4,
        ours: async () => {
          if (!lifted && last !== 0) await new Promise((resolve) => setTimeout(resolve, Math.max(0, last + PAUSE_MS - Date.now())));
          return ours.round();
        },
        peer: async () => {
          const rate = await peer.round();
          last = Date.now();
          return rate;
        },
      }, emit));
      const [a, b] = [ours.take(), peer.take()];
      row(rowOf({ name: `${name}${suffix}-cpu`, unit: 'µs', better: 'low', peerName: 'the same, CPU a message' }, a.cpus, b.cpus));
      const percent = (/** @type {number} */ part) => `${(100 * part).toFixed(0)} %`;
      note(`${lifted ? 'limit lifted' : 'as they ship'}: ${BURSTS} bursts a round, each of ${DEVICES} devices with ${BURST} messages in one write; gateway ${percent(a.busy)} busy, Python ${percent(b.busy)}`);
    });
  }
  note(`one device within the limit sends at most ${quantity(332 / 3.05, 'messages/s')} to the Python server and ${quantity(111, 'messages/s')} to ours: there the protocol is the limit, not the server`);
}
