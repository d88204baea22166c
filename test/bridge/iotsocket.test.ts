/** Devices without acknowledgements over the bridge: their readings go up with their trust; commands are pushed, and never said to be delivered. */
import * as assert from 'uvu/assert';
import { iotsocketKey } from 'tidelock/legacy';
import { test } from '../gateway/support.js';
import { fromClient, ID, KEY, stamp } from '../legacy/iotsocket/frames.js';
import { Peer } from '../legacy/iotsocket/support.js';
import { startAedes } from './brokers.js';
import { eventually, Other, result, site } from './support.js';

test('a reading goes up with trust none and an id; a command is pushed once and ends in doubt, or is refused where nobody is connected', async () => {
  const broker = await startAedes();
  const place = await site({ ...broker.bridge, probe: 0 }, { gateway: { legacy: { iotsocket: {} } } });
  await place.registry.add(ID, { protocol: 'iotsocket', key: iotsocketKey(ID, KEY) });
  const other = await Other.connect(broker, ['tl/#']), down = `tl/-/${ID}/down`;
  const results = (): ReturnType<typeof result>[] => other.of(`tl/-/${ID}/result`).map(result);
  await eventually('the keeper', () => place.bridge.counters().keeper);

  await other.command(down, 'nobody there', { 'tl-id': 'c1' });
  await eventually('the refusal', () => results().length === 1);
  assert.equal([results()[0]!.result, results()[0]!['tl-id']], ['refused', 'c1']);
  assert.match(results()[0]!.reason!, /not connected.*no queue/);

  const peer = await Peer.open(place.gateway.address);
  peer.say(fromClient({ time: stamp(Date.now()) }, 'temp=21.5'));
  await eventually('the reading', () => other.of(`tl/-/${ID}/up`).length === 1);
  const { 'tl-trust': trust, 'tl-id': id, text } = JSON.parse(other.of(`tl/-/${ID}/up`)[0]!.text) as Record<string, string>;
  assert.equal([trust, text], ['none', 'temp=21.5']);
  assert.match(id!, /^[0-9a-f]{8}-1$/);
  await eventually('it is done', async () => (await place.registry.info()).inbox.rows === 0);

  for (let i = 0; i < 2; i++) await other.command(down, 'ON SWITCH 1', { 'tl-id': 'c2' });
  await other.command(down, 'too late now', { 'tl-id': 'c3', 'tl-time': '1000', 'tl-lifetime': '1000' });
  await eventually('both ends', () => results().length === 3);
  assert.equal(results().slice(1).map((one) => [one['tl-id'], one.result]), [['c2', 'in doubt'], ['c3', 'expired']]);
  assert.match(results()[1]!.reason!, /no acknowledgement/);
  await eventually('the push', () => peer.received.includes('ON SWITCH 1|#|'));
  await other.command(down, 'OFF SWITCH 1', { 'tl-id': 'c4' });
  await eventually('the next push', () => peer.received.endsWith('OFF SWITCH 1|#|'));
  assert.is(peer.received.split('|#|').length, 3, 'the same command again was pushed once, the late one never');
  assert.equal(await place.registry.waiting(), []);
  assert.is(place.bridge.counters().downPosted, 2);
  peer.socket.destroy();
  await other.close();
  await place.close();
  await broker.close();
});

test.run();
