/** Every benchmark: its name stays, because scripts and the README refer to it. */

export const CATALOGUE = [
  { name: 'core.signed', file: './core/signed.mjs', seconds: 120, about: 'one signed frame of a 64-byte message in one call, against createHmac' },
  { name: 'core.signed-chunk', file: './core/signed-chunk.mjs', seconds: 120, about: 'the same in chunks of 64 frames, per frame' },
  { name: 'core.signed-noble', file: './core/signed-noble.mjs', seconds: 180, about: 'one signed frame, against the HMAC of @noble/hashes' },
  { name: 'core.sealed-open', file: './core/sealed-open.mjs', seconds: 180, about: 'one sealed frame in one call, against createDecipheriv' },
  { name: 'codec.mqtt-packet', file: './core/codec.mjs', seconds: 120, about: 'encode and decode, 64 messages a chunk, against mqtt-packet' },
  { name: 'tcp.signed', file: './tcp/signed.mjs', seconds: 420, about: 'messages a second over loopback TCP, against aedes at QoS 0' },
  { name: 'tcp.sealed', file: './tcp/sealed.mjs', seconds: 420, about: 'the same with every body encrypted' },
  { name: 'udp.signed', file: './udp/signed.mjs', seconds: 180, about: 'messages a second of CPU over loopback UDP, against a bare dgram sink' },
  { name: 'memory.device', file: './memory/device.mjs', seconds: 420, about: 'memory of the server for each of 5,000 connected devices, against aedes' },
  { name: 'entry.flood', file: './entry/flood.mjs', seconds: 180, about: 'seconds until a device gets in while 20,000 strangers hang on the gateway' },
  { name: 'iotsocket.server', file: './legacy/iotsocket.mjs', seconds: 300, about: 'IoTSocket messages a second, against the Python package IOTSocket' },
  { name: 'bridge.through', file: './mqtt/through.mjs', seconds: 420, about: 'acknowledged readings a second by a gateway to mosquitto, against MQTT clients at QoS 1' },
  { name: 'bridge.inbox', file: './mqtt/inbox.mjs', seconds: 420, about: 'the same, each reading flushed to the disk before it is acknowledged' },
  { name: 'bridge.down', file: './mqtt/down.mjs', seconds: 420, about: 'commands a second by a broker and the queue, against subscribed MQTT clients' },
];
