/** bridge.down: commands by the broker and the gateway's queue to a hundred devices, against a hundred subscribed MQTT clients. */

import { withChildren } from '../lib/child.mjs';
import { compare, row as rowOf } from '../lib/compare.mjs';
import { haveMosquitto } from './broker.mjs';
import { CLIENTS, Side } from './side.mjs';

export async function run({ name, quick, emit, row, note, skip }) {
  if (!haveMosquitto()) return skip('it needs Linux, mosquitto and mosquitto_sub: npm run parts');
  const { rounds, each } = quick ? { rounds: 2, each: 16 } : { rounds: 5, each: 64 };
  await withChildren(['mqtt/broker.mjs', 'mqtt/gateway-server.mjs', 'mqtt/load.mjs', 'mqtt/load.mjs', 'mqtt/load.mjs', 'mqtt/load.mjs'], async (...child) => {
    const [broker, gateway, devices, ourCommanders, clients, theirCommanders] = child;
    const { port, pid: mosquitto } = await broker.call('start');
    const { port: at, pid } = await gateway.call('start', { port, mode: 'inbox', clients: CLIENTS });
    const receiving = await devices.call('open', { kind: 'devices', port: at, clients: CLIENTS });
    const plain = await clients.call('open', { kind: 'clients', port, clients: CLIENTS, to: 'plain' });
    const ask = await ourCommanders.call('open', { kind: 'commanders', port, clients: CLIENTS, from: 'tl' });
    const askPlain = await theirCommanders.call('open', { kind: 'commanders', port, clients: CLIENTS, from: 'plain' });
    const ours = new Side(ourCommanders, devices, { publishers: ask.pid, mosquitto, gateway: pid, devices: receiving.pid }, () => gateway.call('settled'));
    const peer = new Side(theirCommanders, clients, { publishers: askPlain.pid, mosquitto, clients: plain.pid });
    row(await compare({
      name, unit: 'messages/s', better: 'high', peerName: `${CLIENTS} subscribed mqtt.js clients, QoS 1`, rounds,
      ours: () => ours.round(each),
      peer: () => peer.round(each),
    }, emit));
    row(rowOf({ name: `${name}-cpu`, unit: 'µs', better: 'low', peerName: 'the same, CPU a message, all processes' }, ours.cpus, peer.cpus));
    note(`ours: ${ours.text()}`);
    note(`clients: ${peer.text()}`);
  });
}
