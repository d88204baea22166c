// A datagram session's path: it moves to another address only on the device's answer from there, and probes tell how
// large a datagram comes through.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TYPE, TYPE_MASK, WANTED, readPing, writeLed, writePing, writePong } from '../reference/bodies.js';
import { ascii, hex } from '../reference/bytes.js';
import { accept, open, seal } from '../reference/frame.js';
import { handshakes } from '../reference/vectors-handshake.js';
import { ReplayWindow } from '../reference/window.js';
import { ADDRESS } from './engine/gateway.js';
import { type Told, abi } from './engine/engine.js';
import { proveToGateway, readyAtDevice, vectorDevice, vectorGateway, vectors } from './engine/vector-file.js';

const PATH = 0x80000007, OTHER = 0x80000008;
const kinds = (told: Told) => told.events.map(({ kind }) => kind);

for (const build of ['core-gateway', 'core-gateway-nosimd']) {
  for (const v of vectors.handshakes.filter(({ link }) => link === 'datagram')) {
    const make = () => {
      const gateway = vectorGateway(v, { build });
      const slot = proveToGateway(gateway, v);
      const { toGateway, toDevice } = handshakes.find(({ name }) => name === v.name)!;
      let receiver = { ...toDevice, next: 0n, window: new ReplayWindow(), own: 1_000, life: 2 ** 40, largest: 16_383 };
      gateway.now = 6_000;
      const own = () => gateway.now - 5_000;
      return {
        gateway,
        slot,
        frame: (counter: bigint, type: number, body: Uint8Array) => seal(toGateway, { counter, type, body, time: own() }),
        receive: (bytes: Uint8Array, path = 0) => gateway.receive(slot, bytes, ADDRESS, path),
        /** The one frame that was said, opened. */
        said: (told: Told) => {
          assert.is(told.output.length, 1);
          const opened = open({ ...receiver, own: own() }, told.output[0]!)!;
          receiver = accept(receiver, opened.counter);
          return opened;
        },
        pong: (t1: bigint) => writePong({ t1, receive: own(), send: own() }),
      };
    };

    test(`${v.name}, ${build}: the newest frame from elsewhere is asked for there, and the session moves on the answer from there`, () => {
      const each = make();
      const told = each.receive(each.frame(0n, TYPE.DATA, ascii('here now')), PATH);
      assert.equal(kinds(told), [abi.EV_MESSAGE, abi.EV_PATH], 'it is authentic: what it says counts');
      assert.is(told.events[1]!.d, PATH);
      const ping = each.said(each.gateway.probe(each.slot, PATH));
      assert.is(ping.type & TYPE_MASK, TYPE.PING);
      const t1 = readPing(ping.body);
      // From the address of before, or a third one, the answer moves nothing; a probe is answered once.
      const first = each.receive(each.frame(1n, TYPE.PONG, each.pong(t1)), 0);
      assert.equal(first.events.map(({ kind, a }) => [kind, a]), [[abi.EV_REFUSED, abi.REFUSED_PONG]]);
      const third = each.receive(each.frame(2n, TYPE.PONG, each.pong(t1)), OTHER);
      assert.equal(kinds(third), [abi.EV_REFUSED, abi.EV_PATH], 'and it is asked for there in turn');
      const moved = each.receive(each.frame(3n, TYPE.PONG, each.pong(t1)), PATH);
      assert.equal(moved.events.map(({ kind, d }) => [kind, d]), [[abi.EV_PROBED, PATH]]);
      assert.equal(kinds(each.receive(each.frame(4n, TYPE.PONG, each.pong(t1)), PATH)), [abi.EV_REFUSED, abi.EV_PATH], 'its answer was taken once');
    });

    test(`${v.name}, ${build}: what is old, repeated, forged or in the wrong state asks for nothing`, () => {
      const each = make();
      const frames = [0n, 1n, 2n, 3n].map((counter) => each.frame(counter, TYPE.DATA, ascii(`m${counter}`)));
      each.receive(frames[2]!);
      assert.equal(kinds(each.receive(frames[1]!, PATH)), [abi.EV_MESSAGE], 'older than the newest: it may be a late copy');
      assert.equal(kinds(each.receive(frames[2]!, PATH)), [abi.EV_REFUSED], 'a repeat');
      const forged = frames[3]!.slice();
      forged[forged.length - 1]! ^= 1;
      assert.equal(kinds(each.receive(forged, PATH)), [abi.EV_REFUSED]);
      assert.equal(kinds(each.receive(each.frame(4n, TYPE.CLOSE, Uint8Array.of(1, 0, 0)), PATH)), [abi.EV_CLOSED, abi.EV_DISCONNECT]);
      each.gateway.probe(each.slot, PATH);
      assert.is(each.gateway.status, abi.E_STATE);
    });

    test(`${v.name}, ${build}: one PING a second to an address that does not answer; the number lasts one call`, () => {
      const each = make();
      let counter = 0n, asked = 0;
      for (let ms = 0; ms < 3_000; ms += 100) {
        each.gateway.now = 6_000 + ms;
        if (kinds(each.receive(each.frame(counter++, TYPE.DATA, ascii('x')), PATH)).includes(abi.EV_PATH)) {
          each.gateway.probe(each.slot, PATH);
          asked++;
        }
      }
      assert.is(asked, 3);
      each.gateway.setU32(each.gateway.g + abi.G_PATH, PATH);
      each.gateway.call('gw_rx', each.slot, 0, 0, each.gateway.now);
      assert.is(each.gateway.u32(each.gateway.g + abi.G_PATH), 0);
    });

    test(`${v.name}, ${build}: nothing but the PING goes to an address that has not answered`, () => {
      const each = make();
      const told = each.receive(each.frame(0n, TYPE.DATA | WANTED, writeLed(1, 0, ascii('open'))), PATH);
      assert.equal(kinds(told), [abi.EV_MESSAGE, abi.EV_PATH]);
      assert.equal(told.output, [], 'what is said belongs to the session and its address');
      const said = each.gateway.probe(each.slot, PATH).output;
      assert.is(said.length, 1);
      assert.ok(said[0]!.length <= 34);
    });

    test(`${v.name}, ${build}: a probe of a size is a padded PING; the device's own engine answers it, and its answer tells the size`, () => {
      const each = make();
      for (const bytes of [60, 512, 522]) {
        const told = each.gateway.probe(each.slot, bytes, bytes);
        assert.is(told.output[0]!.length, bytes);
        const ping = each.said(told);
        assert.ok(ping.body.slice(8).every((byte) => byte === 0));
        const device = vectorDevice(v);
        readyAtDevice(device, v);
        device.now = 1_000 + each.gateway.now - 5_000;
        const answer = device.receive(told.output[0]!);
        assert.is(answer.output.length, 1, hex(told.output[0]!));
        const probed = each.receive(answer.output[0]!);
        assert.equal(probed.events.map(({ kind, d }) => [kind, d]), [[abi.EV_PROBED, bytes]]);
        each.gateway.view.setBigUint64(each.gateway.slotAddress(each.slot) + abi.S_RX_COUNTER, 0n, true); // each device begins anew
        each.gateway.view.setBigUint64(each.gateway.slotAddress(each.slot) + 24, 0n, true);
      }
      each.gateway.probe(each.slot, 0x400, 1_452);
      assert.is(each.gateway.status, abi.E_TOO_LONG, 'this device takes bodies of 512 bytes');
      each.gateway.probe(each.slot, 0, 100);
      assert.is(each.gateway.status, abi.E_ARGUMENT);
    });

    test(`${v.name}, ${build}: the device's role probes too`, () => {
      const device = vectorDevice(v, { build });
      readyAtDevice(device, v);
      device.status = device.call('probe', 1_452, device.now);
      assert.is(device.status, abi.OK);
      const { output } = device.take();
      assert.is(output[0]!.length, 1_452);
      const each = make();
      each.gateway.now = device.now + 4_000;
      const answer = each.receive(output[0]!);
      const probed = device.receive(answer.output[0]!); // READY was counter 0, this is 1
      assert.equal(probed.events.map(({ kind, d }) => [kind, d]), [[abi.EV_PROBED, 1_452]]);
    });
  }
}

test('a PING of the device that looks like no probe is answered as before, and a PONG nobody asked for is refused', () => {
  const v = vectors.handshakes.find(({ link }) => link === 'datagram')!;
  const gateway = vectorGateway(v);
  const slot = proveToGateway(gateway, v);
  gateway.now = 6_000;
  const { toGateway } = handshakes.find(({ name }) => name === v.name)!;
  const frame = (counter: bigint, type: number, body: Uint8Array) => seal(toGateway, { counter, type, body, time: 1_000 });
  assert.is(gateway.receive(slot, frame(0n, TYPE.PING, writePing(2n ** 64n - 1n))).output.length, 1);
  for (const t1 of [0n, 1n << 32n, (BigInt(PATH) << 32n) | 6_000n]) {
    const told = gateway.receive(slot, frame(BigInt(gateway.u32(gateway.slotAddress(slot) + abi.S_RX_COUNTER)), TYPE.PONG, writePong({ t1, receive: 1, send: 1 })), ADDRESS, PATH);
    assert.equal(told.events.filter(({ kind }) => kind === abi.EV_PROBED), []);
  }
});

test.run();
