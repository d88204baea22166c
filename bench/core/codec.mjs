/**
 * codec.mqtt-packet: a signed 64-byte message made and taken, 64 a chunk, against mqtt-packet's generate and parse of the
 * same payload at QoS 0, which authenticates nothing.
 */

import mqtt from 'mqtt-packet';
import { compare, timed } from '../lib/compare.mjs';
import { openSession } from '../lib/session.mjs';
import { outgoing } from '../lib/raw-device.mjs';
import { coreRounds } from '../lib/sizes.mjs';

const PER_CHUNK = 64;

async function ours(count) {
  const session = await openSession('signed');
  const messages = outgoing(PER_CHUNK);
  return () => {
    const figure = timed(count, () => {
      for (let done = 0; done < count; done += PER_CHUNK) for (const chunk of session.encode(messages)) session.receive(chunk);
    });
    session.check(count);
    return figure;
  };
}

/** The 64 packets of a chunk are joined into one buffer outside the time: a writer of MQTT may cork its socket instead. */
function mqttPacket(count) {
  const [{ body: payload }] = outgoing(1);
  /** @type {mqtt.IPublishPacket} */
  const packet = { cmd: 'publish', topic: 'd/0', payload, qos: 0, dup: false, retain: false };
  const joined = Buffer.concat(Array.from({ length: PER_CHUNK }, () => mqtt.generate(packet)));
  const parser = mqtt.parser();
  let parsed = 0;
  parser.on('packet', (packet) => { if (packet.cmd === 'publish' && packet.payload.length === 64) parsed++; });
  parser.on('error', (error) => { throw error; });
  return () => {
    parsed = 0;
    let generated = 0;
    const figure = timed(count, () => {
      for (let done = 0; done < count; done += PER_CHUNK) {
        for (let i = 0; i < PER_CHUNK; i++) generated += mqtt.generate(packet).length;
        parser.parse(joined);
      }
    });
    if (parsed !== count || generated !== (joined.length / PER_CHUNK) * count) throw new Error(`${parsed} of ${count} packets were parsed`);
    return figure;
  };
}

export async function run({ name, quick, emit, row }) {
  const { rounds, count } = coreRounds(quick);
  row(await compare({
    name, unit: 'ns', better: 'low', rounds, goal: 1,
    ours: await ours(count),
    peer: mqttPacket(count), peerName: 'mqtt-packet generate + parse, QoS 0',
  }, emit));
}
