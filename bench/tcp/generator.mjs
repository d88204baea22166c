/** The load generator: raw sockets that write chunks made before the time starts. One process for one server. */

import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import mqtt from 'mqtt-packet';
import { connectAsync } from 'mqtt';
import { RawDevice, outgoing } from '../lib/raw-device.mjs';
import { serve } from '../lib/child.mjs';
import { openMqtt } from './raw-mqtt.mjs';

/** Each kind connects one client and makes the writes of its next round. */
const KINDS = {
  async gateway({ port, suite }, number) {
    const device = await new RawDevice({ port, suite, id: `client-${number}` }).online();
    return { socket: device.socket, prepare: (count, perWrite) => device.prepare(count, perWrite) };
  },
  async aedes({ port }, number) {
    const socket = await openMqtt({ port, clientId: `client-${number}` });
    const packet = mqtt.generate({ cmd: 'publish', topic: `d/${number}`, payload: outgoing(1)[0].body, qos: 0, dup: false, retain: false });
    return { socket, prepare: same(packet) };
  },
  async sink({ port, bytes }) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return { socket, prepare: same(Buffer.alloc(bytes, 0x55)) };
  },
};

/** Every message is the same: one buffer serves all writes. */
const same = (message) => (count, perWrite) => {
  const chunk = Buffer.concat(Array.from({ length: perWrite }, () => message));
  return Array.from({ length: count / perWrite }, () => chunk);
};

let clients = [];
let mqttClients = [];

serve({
  async open({ kind, clients: number, ...options }) {
    clients = [];
    for (let i = 0; i < number; i++) clients.push(await KINDS[kind](options, i));
    for (const { socket } of clients) socket.on('error', () => {});
  },

  /** Makes `count` messages for each client, `perWrite` a write. A multiple of it. */
  prepare({ count, perWrite }) {
    for (const client of clients) {
      client.writes = client.prepare(count, perWrite);
      client.alone = perWrite === 1;
    }
    globalThis.gc?.();
  },

  /** Writes all; `busy`: part of the time that the event loop was not idle. */
  async go() {
    const loop = performance.eventLoopUtilization();
    await Promise.all(clients.map(writeAll));
    return { busy: performance.eventLoopUtilization(loop).utilization };
  },

  async openMqttClients({ port, clients: number }) {
    mqttClients = await Promise.all(
      Array.from({ length: number }, (_, i) => connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: `mqttjs-${i}`, reconnectPeriod: 0 })),
    );
  },

  /** mqtt.js clients, 64 publishes at a time, then as long as their sockets want. */
  async goMqttClients({ count }) {
    const [{ body }] = outgoing(1);
    const loop = performance.eventLoopUtilization();
    await Promise.all(mqttClients.map(async (client, number) => {
      for (let done = 0; done < count; done += 64) {
        await /** @type {Promise<void>} */ (new Promise((resolve, reject) => {
          for (let i = 1; i < 64; i++) client.publish(`d/${number}`, body);
          client.publish(`d/${number}`, body, (error) => (error ? reject(error) : resolve()));
        }));
      }
    }));
    return { busy: performance.eventLoopUtilization(loop).utilization };
  },
});

const NOTHING = Buffer.alloc(0);

/**
 * Writes until the socket says that enough waits in it, goes on at its drain. Messages that leave one by one wait for
 * each other instead: Node joins what waits in a socket into one system call, and that would be coalescing.
 */
function writeAll({ socket, writes, alone }) {
  return /** @type {Promise<void>} */ (new Promise((resolve, reject) => {
    let next = 0;
    const lost = () => reject(new Error('the server closed a connection'));
    const more = () => {
      while (next < writes.length) {
        const room = socket.write(writes[next++]);
        if (alone && socket.writableLength > 0) return void socket.write(NOTHING, more);
        if (!room && !alone && next < writes.length) return void socket.once('drain', more);
      }
      socket.off('close', lost);
      resolve();
    };
    socket.once('close', lost);
    more();
  }));
}
