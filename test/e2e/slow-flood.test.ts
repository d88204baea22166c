/**
 * A gateway with its defaults under 10,000 connections that never speak, 10,000 HELLOs that are never proven and 100,000 random and
 * changed byte strings: its memory is bounded, it rests once they do, and a real device gets in meanwhile.
 */
import { spawnSync } from 'node:child_process';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Device } from 'tidelock/device';
import { skip } from '../support/skip.js';
import { Child, killChildren, program } from './support.js';

const MIB = 1_048_576;
const MOST_MIB = 128;
const MOST_UTILISATION = 0.05;
/** Of 2 s each, until one is quiet. */
const MEASUREMENTS = 10;
/** Between two entries of the device. */
const PAUSE_MS = 200;
const CONNECTIONS = 10_000;
const STRINGS = 100_000;
/** Each crowd is a process of its own, and keeps what the gateway has closed until it has read so. */
const DESCRIPTORS = 12_000;
const SEED = Number(process.env['TIDELOCK_SEED'] ?? Date.now() % 100_000);

interface Measured {
  rss: number;
  peak: number;
  utilization: number;
  delivered: number;
  counters: { connections: number; halfOpen: number; open: number; online: number; sessions: number; gaveWay: number; overRate: number; refused: Record<string, number> };
}

/** Of a process started from here; Node raises its own to the hard limit. */
function descriptors(): number {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' });
  return stdout.trim() === 'unlimited' ? Infinity : Number(stdout);
}

const define = process.platform !== 'linux' ? skip(test, 'needs 127.0.0.0/8 on loopback')
  : descriptors() < DESCRIPTORS ? skip(test, `needs ${DESCRIPTORS} file descriptors`)
  : test;

async function measure(gateway: Child): Promise<Measured> {
  const before = gateway.said.length;
  gateway.tell('measure');
  await gateway.until('the measurement', () => gateway.said.length > before);
  return JSON.parse(gateway.said[before]!.slice('measured '.length)) as Measured;
}

/** Stands before the gateway with an address of 127.2.0.0/16, which a device has no option to choose. */
async function otherNetwork(port: number): Promise<Server> {
  const server = createServer((device) => {
    const gateway = connect({ host: '127.0.0.1', port, localAddress: '127.2.0.1' });
    device.on('error', () => gateway.destroy()).on('close', () => gateway.destroy()).pipe(gateway);
    gateway.on('error', () => device.destroy()).on('close', () => device.destroy()).pipe(device);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref(); // where the test fails
  return server;
}

/** Its session begins, a message of its own is acknowledged, and it ends. */
async function getsIn(server: Server): Promise<number> {
  const began = performance.now();
  const device = new Device({ url: `tidelock://127.0.0.1:${(server.address() as AddressInfo).port}`, id: 'pump-7', key: new Uint8Array(32).fill(7), lifetime: Infinity });
  await device.send('here').acknowledged;
  await device.close({ drain: 0 });
  return (performance.now() - began) / 1_000;
}

define(`${CONNECTIONS} silent connections, ${CONNECTIONS} HELLOs never proven, ${STRINGS} hostile strings (seed ${SEED})`, async () => {
  const gateway = new Child(program('slow-flood-gateway.ts'));
  const port = Number(new URL(await gateway.line('listening')).port);
  const door = await otherNetwork(port);
  await getsIn(door); // idle is after the first session: its code is loaded and compiled
  const idle = await measure(gateway);
  let entries = 1;
  for (const [kind, count] of [['silent', CONNECTIONS], ['hello', CONNECTIONS], ['strings', STRINGS]] as const) {
    const crowd = new Child(program('slow-flood-crowd.ts', kind, String(count), String(port), String(SEED)));
    const flooded = crowd.line('flooded');
    let over = false;
    void flooded.then(() => (over = true), () => (over = true));
    const seconds: number[] = [];
    do {
      seconds.push(await getsIn(door));
      entries += 1;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    } while (!over);
    await flooded;
    let quiet = await measure(gateway);
    let measurements = 1;
    // The crowd is done when its last bytes are in the system's hands; the gateway has still to read them.
    for (; quiet.utilization >= MOST_UTILISATION && measurements < MEASUREMENTS; measurements++) quiet = await measure(gateway);
    crowd.endInput();
    assert.is(await crowd.ended, 0);
    const above = (quiet.peak - idle.rss) / MIB;
    const { halfOpen, gaveWay, overRate, refused } = quiet.counters;
    const reasons = Object.entries(refused).filter(([, times]) => times > 0).map(([reason, times]) => `${reason} ${times}`).join(', ');
    console.log(`${kind}: ${above.toFixed(1)} MiB above ${(idle.rss / MIB).toFixed(1)} MiB, utilisation ${(100 * quiet.utilization).toFixed(2)} % (measurement ${measurements}), half-open ${halfOpen}, `
      + `gave way ${gaveWay}, over rate ${overRate}; a device got in ${seconds.length} times, after ${Math.max(...seconds).toFixed(2)} s at most${reasons && `; ${reasons}`}`);
    assert.ok(above <= MOST_MIB, `${kind}: ${above.toFixed(1)} MiB above idle`);
    assert.ok(quiet.utilization < MOST_UTILISATION, `${kind}: event loop ${(100 * quiet.utilization).toFixed(1)} % busy once quiet`);
    assert.ok(halfOpen <= 1_024, `${halfOpen} half-open`);
    assert.is(quiet.counters.sessions, entries, 'sessions of the device, and of nobody else');
    assert.is(quiet.delivered, entries);
  }
  const { counters } = await measure(gateway);
  assert.ok(counters.connections >= 2 * CONNECTIONS + STRINGS, `${counters.connections} connections`);
  gateway.endInput();
  assert.is(await gateway.ended, 0);
  door.close();
});

test.after.each(killChildren);
test.run();
