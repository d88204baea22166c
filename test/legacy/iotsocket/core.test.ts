// The core alone: what it sends, which stamps it takes, what is text to it; and bytes that nobody would send.

import fc from 'fast-check';
import { strict as assert } from 'node:assert';
import { abi, IotsocketCore, type IotsocketSink } from 'tidelock/core';
import { test } from 'uvu';
import { fromClient, fromServer, ID, KEY, lines, stamp } from './frames.js';
import { decode, length, PythonStamps, strip } from './python-rules.js';

const START = 1_700_000_000_000;
const gatewayBuilds = ['core-gateway', 'core-gateway-nosimd'] as const;
const deviceBuilds = [...gatewayBuilds, 'core-legacy'] as const;

/** A slot of which everything is written down. */
class Probe implements IotsocketSink {
  readonly slot: number;
  readonly taken: string[] = [];
  reason: number | undefined;

  constructor(readonly core: IotsocketCore, readonly device: boolean, unix = START, tls = false, id = ID) {
    this.slot = core.open(this, device, tls, unix);
    if (device) assert.ok(core.device(this.slot, id, KEY));
  }

  login(identity: string): void {
    this.core.key(this.slot, this.core.digest(identity, KEY), -1, START);
  }

  message(chunk: Buffer, start: number, end: number): void {
    this.taken.push(chunk.toString('utf8', start, end));
  }

  refused(reason: number): void {
    this.reason = reason;
  }

  hear(bytes: string | Buffer, unix = START): this {
    this.core.receive(this.slot, Buffer.from(bytes), unix);
    return this;
  }

  send(body: string | Buffer, unix = START): string | number {
    const result = this.core.send(this.slot, Buffer.from(body), unix);
    return typeof result === 'number' ? result : result.toString('utf8');
  }

  free(): void {
    this.core.free(this.slot);
  }
}

/** A gateway's slot after the login. */
function loggedIn(core: IotsocketCore, tls = false, id = ID): Probe {
  return new Probe(core, false, START, tls).hear(fromClient({ time: stamp(START), device: id }, 'login message'));
}

for (const build of deviceBuilds) {
  const core = new IotsocketCore(0, build);

  test(`${build}: a device's frame is the Python client's, to the byte`, () => {
    const device = new Probe(core, true);
    assert.equal(device.send(' temp=33.5&humid=40%\n'), fromClient({ time: stamp(START) }, 'temp=33.5&humid=40%'));
    assert.equal(device.send('second', START), fromClient({ time: stamp(START, 0.0001) }, 'second'));
    assert.equal(device.send('third!', START + 5), fromClient({ time: stamp(START + 5) }, 'third!'));
    device.free();
  });

  test(`${build}: what no frame can carry has a status, and costs nothing`, () => {
    const device = new Probe(core, true);
    for (const [body, status] of [
      ['hello', abi.E_TOO_SHORT], ['', abi.E_TOO_SHORT], ['\u2003ab\u3000\u001c', abi.E_TOO_SHORT], ['hello|#|there', abi.E_DELIMITER],
      ['||#|#|', abi.E_DELIMITER], ['hello|#', abi.E_DELIMITER], [Buffer.from('ffffffffffffff', 'hex'), abi.E_TEXT], [Buffer.from('68656c6c6fc3', 'hex'), abi.E_TEXT],
      ['x'.repeat(60_000), abi.E_TOO_LONG],
    ] as const) {
      assert.equal(device.send(body), status, `${String(body).slice(0, 20)}`);
    }
    assert.equal(device.send('hello|'), fromClient({ time: stamp(START) }, 'hello|'));
    device.free();
  });

  test(`${build}: a device is silent for 60 s at most, and only when it has nothing to say`, () => {
    const device = new Probe(core, true);
    assert.deepEqual(core.tick(device.slot, START), { next: 60_000, bytes: undefined });
    device.send('a message', START + 10_000);
    assert.deepEqual(core.tick(device.slot, START + 60_000), { next: 10_000, bytes: undefined });
    assert.equal(core.tick(device.slot, START + 70_000).bytes?.toString(), '|#|');
    device.free();
  });

  test(`${build}: the Python server takes every message of a device, whatever its clock and its pace`, () => {
    fc.assert(fc.property(
      fc.integer({ min: -29_000, max: 29_000 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 9_000 })), { maxLength: 12 }),
      (skew, bursts) => {
        const device = new Probe(core, true), server = new PythonStamps(333, false);
        let unix = START;
        for (const [count, pause] of bursts) {
          for (let i = 0; i < count; i++) {
            unix += core.wait(device.slot, unix);
            const frame = device.send('message', unix);
            assert.equal(typeof frame, 'string');
            const sent = Math.round(Number(/TIME:([\d.]+)/.exec(frame as string)![1]) * 10_000);
            // Its stamps may run ahead of its clock where many leave at once; the network takes no time here.
            if (Math.abs(sent - (unix * 10 + skew)) < 30_000) assert.ok(server.take(sent, unix * 10 + skew), `${count} after ${pause} ms`);
          }
          unix += pause;
        }
        device.free();
      },
    ), { numRuns: 60, seed: 1 });
  });

  test(`${build}: random bytes and mutated frames take nothing that is no frame, and hang nothing`, () => {
    const good = Buffer.from(fromServer({ time: stamp(START) }, 'hello world'));
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated(good)), fc.nat(), (bytes, cut) => {
      const device = new Probe(core, true), at = cut % (bytes.length + 1);
      device.hear(Buffer.from(bytes.subarray(0, at))).hear(Buffer.from(bytes.subarray(at)));
      for (const body of device.taken) judge(bytes, body);
      device.free();
    }), { numRuns: 1_000, seed: 2 });
  });
}

/** A frame in which some bytes were changed, left out or put in. */
function mutated(frame: Buffer): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(frame.length), fc.nat(2), fc.uint8Array({ minLength: 1, maxLength: 5 }));
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    let bytes = Uint8Array.from(frame);
    for (const [at, remove, put] of changes) bytes = Uint8Array.from([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + remove)]);
    return bytes;
  });
}

/** What was taken must stand between two delimiters, as the Python program would have it. */
function judge(bytes: Uint8Array, body: string): void {
  const elements = Buffer.from(bytes).toString('latin1').split('|#|').slice(0, -1).map((one) => decode(Buffer.from(one, 'latin1')));
  const found = elements.some((element) => {
    const at = element?.indexOf('\r\n\r\n') ?? -1;
    return at >= 0 && strip(element!.slice(at + 4)) === body && length(body) >= 5;
  });
  assert.ok(found, `${JSON.stringify(body)} was taken`);
}

for (const build of gatewayBuilds) {
  const core = new IotsocketCore(0, build);

  test(`${build}: the Python client takes every push`, () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 0, max: 9_000 })), { maxLength: 8 }), (bursts) => {
      const gateway = loggedIn(core), client = new PythonStamps(100, true);
      let unix = START, last = -Infinity;
      for (const [count, pause] of bursts) {
        for (let i = 0; i < count; i++) {
          unix += core.wait(gateway.slot, unix);
          const frame = gateway.send('message', unix);
          assert.equal(typeof frame, 'string');
          assert.ok(unix - last >= 100, 'two frames within 100 ms');
          last = unix;
          assert.ok(client.take(Math.round(Number(/TIME:([\d.]+)/.exec(frame as string)![1]) * 10_000), unix * 10));
        }
        unix += pause;
      }
      gateway.free();
    }), { numRuns: 60, seed: 3 });
  });

  test(`${build}: whatever the Python server takes in order, the gateway takes`, () => {
    fc.assert(fc.property(
      fc.integer({ min: -29_000, max: 29_000 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 340 }), fc.integer({ min: 0, max: 5_000 })), { maxLength: 8 }),
      (skew, bursts) => {
        const gateway = new Probe(core, false), server = new PythonStamps(333, false);
        let unix = START, units = 0;
        for (const [count, pause] of bursts) {
          for (let i = 0; i < count; i++) {
            units = Math.max(units + 1, unix * 10 + skew);
            if (Math.abs(units - unix * 10) >= 30_000 || !server.take(units, unix * 10)) return void gateway.free();
            gateway.hear(fromClient({ time: stamp(0, units / 10_000) }, 'message'), unix);
            assert.equal(gateway.reason, undefined, `message ${gateway.taken.length + 1}`);
          }
          unix += pause;
        }
        gateway.free();
      },
    ), { numRuns: 60, seed: 4 });
  });

  test(`${build}: no stamp is taken twice, and never more than 333 in 3 s`, () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: -30_500, max: 30_500 }), fc.integer({ min: 0, max: 300 })), { minLength: 1, maxLength: 900 }), (frames) => {
      const gateway = new Probe(core, false), used = new Set<number>();
      let unix = START;
      for (const [off, pause] of frames) {
        unix += pause;
        const value = unix * 10 + off, before = gateway.taken.length;
        gateway.hear(fromClient({ time: stamp(0, value / 10_000) }, 'message'), unix);
        if (gateway.taken.length === before) return void gateway.free();
        assert.ok(!used.has(value), 'a stamp twice');
        assert.ok(Math.abs(off) < 30_000, `${off} off`);
        used.add(value);
        const recent = [...used].filter((one) => one > Math.max(value, unix * 10) - 30_000).length;
        assert.ok(recent <= 333, `${recent} in 3 s`);
      }
      gateway.free();
    }), { numRuns: 60, seed: 5 });
  });

  test(`${build}: a stamp that was used is refused for as long as it could be accepted`, () => {
    fc.assert(fc.property(fc.integer({ min: -29_999, max: 29_999 }), fc.integer({ min: 0, max: 5_999 }), fc.array(fc.integer({ min: -29_999, max: 29_999 }), { maxLength: 20 }), (off, later, others) => {
      const gateway = new Probe(core, false);
      const value = START * 10 + off, frame = fromClient({ time: stamp(0, value / 10_000) }, 'message');
      gateway.hear(frame);
      for (const other of others) if (other !== off) gateway.hear(fromClient({ time: stamp(0, (START * 10 + other) / 10_000) }, 'other message'));
      const taken = gateway.taken.length;
      gateway.hear(frame, START + later);
      assert.equal(gateway.taken.length, taken);
      gateway.free();
    }), { numRuns: 300, seed: 6 });
  });

  test(`${build}: 333 stamps up to the clock and 333 ahead of it, in any order, and not one more`, () => {
    const gateway = new Probe(core, false);
    const units = START * 10;
    for (let i = 0; i < 333; i++) gateway.hear(fromClient({ time: stamp(0, (units - 20_000 + i) / 10_000) }, 'message'));
    for (let i = 332; i >= 0; i--) gateway.hear(fromClient({ time: stamp(0, (units + 20_000 + i) / 10_000) }, 'message'));
    assert.equal(gateway.taken.length, 666);
    gateway.hear(fromClient({ time: stamp(0, (units + 25_000) / 10_000) }, 'message'));
    assert.equal(gateway.reason, abi.IOT_RATE);
    gateway.free();
  });

  test(`${build}: text is what it is to Python`, () => {
    const spaces = [0x1c, 0x1f, 0x20, 0x85, 0xa0, 0xfeff, 0x200b, 0x180e, 0x2000, 0x200a, 0x2028, 0x202f, 0x205f, 0x3000, 0x1680, 9, 11].map((point) => String.fromCodePoint(point));
    const body = fc.array(fc.oneof(fc.constantFrom(...spaces), fc.constantFrom('a', 'ü', '€', '😀', '|', '#', '\r\n')), { maxLength: 14 }).map((parts) => parts.join(''));
    fc.assert(fc.property(body, (text) => {
      if (`${text}|#|`.indexOf('|#|') !== text.length) return;
      const gateway = new Probe(core, false).hear(fromClient({ time: stamp(START) }, text));
      const stripped = strip(text);
      if (length(stripped) >= 5) assert.deepEqual(gateway.taken, [stripped]);
      else assert.equal(gateway.reason, abi.IOT_TOO_SHORT);
      gateway.free();
    }), { numRuns: 1_000, seed: 7 });
  });

  test(`${build}: what Python cannot decode is refused, and all that it can is taken`, () => {
    const piece = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.constantFrom('c080', 'eda080', 'f4908080', 'f08f8080', 'e08080', 'c3a4', 'e282ac', 'f09f9880', 'ff', 'c2').map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))));
    fc.assert(fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const bytes = Buffer.concat([Buffer.from('hello'), ...pieces, Buffer.from('.')]);
      if (bytes.includes('|#|')) return;
      const [head] = fromClient({ time: stamp(START) }, 'X').split('X');
      const gateway = new Probe(core, false).hear(Buffer.concat([Buffer.from(head!), bytes, Buffer.from('|#|')]));
      assert.equal(gateway.reason, decode(bytes) === undefined ? abi.IOT_NO_TEXT : undefined);
      gateway.free();
    }), { numRuns: 1_000, seed: 8 });
  });

  test(`${build}: inside TLS a frame has at most 16,384 bytes, the size of a record`, () => {
    const gateway = loggedIn(core, true);
    const room = 16_384 - fromServer({ time: stamp(START) }, '').length;
    assert.equal(gateway.send('w'.repeat(room + 1)), abi.E_TOO_LONG);
    assert.equal((gateway.send('w'.repeat(room)) as string).length, 16_384);
    gateway.free();
  });

  test(`${build}: pushes name the device as a number`, () => {
    for (const [id, number] of [['0000000042', '42'], ['0000000000', '0'], ['0123456789', '123456789']] as const) {
      const gateway = loggedIn(core, false, id);
      assert.equal(gateway.send('hello device'), fromServer({ time: stamp(START), device: number }, 'hello device'));
      gateway.free();
    }
  });

  test(`${build}: keys of every length up to 128 bytes; nothing else is one`, () => {
    for (const key of ['k', 'k'.repeat(128), 'schlüssel €', 'a b', '|#']) {
      assert.ok(core.digest(ID, key), key);
      const device = new Probe(core, true);
      assert.ok(core.device(device.slot, ID, key));
      device.free();
    }
    for (const key of ['', 'k'.repeat(129), 'ü'.repeat(65), 'a:b', 'a\rb', 'a\nb', ' a', 'a\u00a0', 'a|#|b']) assert.equal(core.digest(ID, key), undefined, JSON.stringify(key));
    for (const id of ['', '123456789', '12345678901', '١٢٣٤٥٦٧٨٩٠', 'abcdefghij']) assert.equal(core.digest(id, KEY), undefined, id);
    assert.notDeepEqual(core.digest(ID, KEY), core.digest('1234567891', KEY));
  });

  test(`${build}: a key that is longer, shorter, or differs anywhere opens nothing, in the first frame and later`, () => {
    for (const key of [`${KEY}x`, KEY.slice(0, -1), `x${KEY.slice(1)}`, `${KEY}\u0000`, 'k'.repeat(128), 'k'.repeat(129), 'k'.repeat(900)]) {
      const first = new Probe(core, false).hear(fromClient({ time: stamp(START), key }, 'hello'));
      const later = loggedIn(core).hear(fromClient({ time: stamp(START, 0.1), key }, 'hello'));
      assert.deepEqual([first.reason, later.reason], [abi.IOT_KEY, abi.IOT_KEY], key);
      first.free();
      later.free();
    }
  });

  test(`${build}: a frame of 65,535 bytes with its delimiter, and not of one more, however it comes`, () => {
    // Characters of four bytes: the bytes run out before the characters do.
    const head = fromClient({ time: stamp(START) }, '').slice(0, -3);
    for (const [bytes, reason] of [[65_535, undefined], [65_536, abi.IOT_TOO_LONG]] as const) {
      const rest = bytes - head.length - 3, whole = Buffer.from(`${head}${'x'.repeat(rest % 4)}${'😀'.repeat((rest - (rest % 4)) / 4)}|#|`);
      assert.equal(whole.length, bytes);
      for (const cuts of [[], [1], [bytes - 3], [bytes - 2], [bytes - 1], [100, 40_000]]) {
        const gateway = new Probe(core, false);
        [0, ...cuts].forEach((from, i) => gateway.hear(whole.subarray(from, cuts[i] ?? bytes)));
        assert.equal(gateway.reason, reason, `${bytes} bytes, cut at ${cuts.join()}`);
        gateway.free();
      }
    }
  });

  test(`${build}: 40,000 messages of 60 devices in one instance; slots are used again`, () => {
    const probes = Array.from({ length: 60 }, (_, i) => loggedIn(core, false, String(i).padStart(10, '0')));
    for (let round = 1; round < 300; round++) for (const [i, probe] of probes.entries()) {
      probe.hear(fromClient({ time: stamp(START, round / 1_000), device: String(i).padStart(10, '0') }, `message ${round}`));
    }
    for (const probe of probes) {
      assert.equal(probe.taken.length, 300);
      probe.free();
    }
    assert.equal(loggedIn(core).slot < 60, true);
  });

  test(`${build}: random bytes and mutated frames log nobody in without the key`, () => {
    const good = Buffer.from(`${lines({ time: stamp(START) })}\r\n\r\n\r\nhello world|#|`);
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated(good)), fc.nat(), (bytes, cut) => {
      const gateway = new Probe(core, false), at = cut % (bytes.length + 1);
      gateway.hear(Buffer.from(bytes.subarray(0, at))).hear(Buffer.from(bytes.subarray(at)));
      for (const body of gateway.taken) judge(bytes, body);
      if (gateway.taken.length > 0) assert.ok(Buffer.from(bytes).includes(`KEY:${KEY}`));
      gateway.free();
    }), { numRuns: 1_000, seed: 9 });
  });
}

test.run();
