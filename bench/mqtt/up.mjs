/** bridge.through, bridge.inbox: acknowledged readings of a hundred devices by a gateway to a broker, against a hundred MQTT clients. */

import { withChildren } from '../lib/child.mjs';
import { compare, row as rowOf } from '../lib/compare.mjs';
import { haveMosquitto } from './broker.mjs';
import { CLIENTS, Side } from './side.mjs';

/** @param {'through' | 'inbox'} mode @param {number} goal */
export async function up(mode, goal, { name, quick, emit, row, note, skip }) {
  if (!haveMosquitto()) return skip('it needs Linux, mosquitto and mosquitto_sub: npm run parts');
  const { rounds, each } = quick ? { rounds: 2, each: 32 } : { rounds: 5, each: 1_280 };
  await withChildren(['mqtt/broker.mjs', 'mqtt/subscriber.mjs', 'mqtt/gateway-server.mjs', 'mqtt/load.mjs', 'mqtt/load.mjs'], async (...child) => {
    const [broker, subscriber, gateway, devices, clients] = child;
    const { port, pid: mosquitto } = await broker.call('start');
    const { pid: sub, reader } = await subscriber.call('start', { port });
    const { port: at, pid } = await gateway.call('start', { port, mode, clients: CLIENTS });
    const load = await devices.call('open', { kind: 'devices', port: at, clients: CLIENTS });
    const plain = await clients.call('open', { kind: 'clients', port, clients: CLIENTS });
    const ours = new Side(devices, subscriber, { devices: load.pid, gateway: pid, mosquitto, mosquitto_sub: sub, reader }, () => gateway.call('settled'));
    const peer = new Side(clients, subscriber, { clients: plain.pid, mosquitto, mosquitto_sub: sub, reader });
    row(await compare({
      name, unit: 'messages/s', better: 'high', peerName: `${CLIENTS} mqtt.js clients, QoS 1`, goal, rounds,
      ours: () => ours.round(each),
      peer: () => peer.round(each),
    }, emit));
    row(rowOf({ name: `${name}-cpu`, unit: 'µs', better: 'low', peerName: 'the same, CPU a message, all processes' }, ours.cpus, peer.cpus));
    note(`ours: ${ours.text()}`);
    note(`clients: ${peer.text()}`);
  });
}
