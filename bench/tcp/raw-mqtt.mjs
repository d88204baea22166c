/** An MQTT client that is nothing but CONNECT on a socket. */

import { connect } from 'node:net';
import mqtt from 'mqtt-packet';

/** Opens a socket, sends CONNECT and waits for the CONNACK. `keepalive` in s, as our sessions have an idle time. */
export function openMqtt({ port, clientId, keepalive = 600 }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const refuse = (why) => {
      socket.destroy();
      reject(new Error(`no MQTT session: ${why}`));
    };
    socket.once('error', (error) => refuse(error.message));
    socket.once('connect', () => {
      socket.write(mqtt.generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId, keepalive }));
    });
    socket.once('data', (chunk) => {
      // CONNACK (3.2): 0x20, length 2, flags, return code 0.
      if (chunk.length !== 4 || chunk[0] !== 0x20 || chunk[3] !== 0) return refuse(`CONNACK ${chunk.toString('hex')}`);
      socket.removeAllListeners('error').on('error', () => {});
      socket.resume();
      resolve(socket);
    });
  });
}
