/** The dissector in tshark: on a capture of a real session, and on written ones of every suite and link. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from 'tidelock/core';
import { type Captured, connection, linked, pcap, type Said, udp } from '../decode/captures.js';
import { brief, datagrams, DEVICE, EPOCH, frame, GATEWAY, ofInput, sealedStream, session, streams } from '../decode/support.js';
import { TYPE, WANTED, writeLed } from '../reference/bodies.js';
import { ascii } from '../reference/bytes.js';
import { writeDiscover, writeOffer } from '../reference/discovery.js';
import { writeDeliver, writeRoute } from '../reference/topics.js';
import { closeAll, KEY, listen, makeDevice, portOf, Relay, test, until } from '../gateway/support.js';
import { found, skipMissing } from '../support/skip.js';

const LUA = fileURLToPath(new URL('../../wireshark/tidelock.lua', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-wireshark-'));
uvuTest.after(() => rmSync(folder, { recursive: true, force: true }));
const dissected = found('tshark') ? test : skipMissing(uvuTest, 'tshark');

type Layer = Record<string, unknown>;

/** Every frame of Tidelock that tshark sees, flat: its fields by name. Expert items stand under `_ws.expert`. */
function layers(file: string, ...words: string[]): Layer[] {
  const { status, stdout, stderr } = spawnSync('tshark', ['-X', `lua_script:${LUA}`, '-r', file, '-T', 'json', '--no-duplicate-keys', ...words], { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.is(status, 0, stderr);
  assert.not.match(stderr, /Lua|Error/i);
  return (JSON.parse(stdout) as { _source: { layers: { tidelock?: Layer | Layer[] } } }[]).flatMap(({ _source: { layers: { tidelock = [] } } }) => (Array.isArray(tidelock) ? tidelock : [tidelock]));
}

function written(name: string, packets: readonly Captured[]): string {
  const file = path.join(folder, name);
  writeFileSync(file, pcap(packets.map(({ at, bytes }) => ({ at, bytes: linked('ethernet', bytes) }))));
  return file;
}

const TOKEN = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const types = (all: readonly Layer[]): number[] => all.map((layer) => Number(layer['tidelock.type']));
const TYPES = [1, 2, 3, 4, 8, 8, 9, 10, 8, 9, 20];

/** What each frame of `session` says where the suite leaves bodies clear. */
function checkClear(all: readonly Layer[]): void {
  const get = (i: number, name: string): string => String(all[i]![`tidelock.${name}`]);
  assert.equal([get(3, 'life'), get(3, 'idle'), get(3, 'largest')], ['2000000', '90', '16383']);
  assert.is(get(4, 'data'), '21.5');
  assert.equal([get(5, 'id'), get(5, 'age'), get(5, 'data'), get(5, 'wanted')], ['1', '32', 'valve is open', '1']);
  assert.equal([get(6, 'ack.id'), get(6, 'ack.status')], ['1', '0x00']);
  assert.is(get(7, 't1'), '9');
  assert.is(get(9, 'ack.status'), '0x81');
  assert.equal([get(10, 'close.reason'), get(10, 'close.retry_after'), get(10, 'data')], ['3', '5', 'bye']);
}

for (const v of [...streams, ...datagrams]) {
  dissected(`${v.name}: every field that is clear`, () => {
    const said = session(v);
    const packets = v.link === 'stream' ? connection(said, DEVICE, GATEWAY) : said.map(({ up, bytes, at }) => ({ at, bytes: up ? udp(DEVICE, GATEWAY, bytes) : udp(GATEWAY, DEVICE, bytes) }));
    const all = layers(written(`${v.name.replace(/\W+/g, '-')}.pcap`, packets));
    assert.equal(types(all), TYPES);
    const [hello, challenge] = all as [Layer, Layer];
    assert.is(hello['tidelock.identity'], v.hello.identity);
    assert.is(String(hello['tidelock.nonce']).replaceAll(':', ''), v.hello.nonce);
    assert.is(hello['tidelock.link.datagram'], v.link === 'datagram' ? '1' : '0');
    assert.is(challenge['tidelock.session'], `0x${v.challenge.session.toString(16)}`);
    assert.is(Number(challenge['tidelock.window']), v.challenge.window);
    assert.is(challenge['tidelock.epoch'], v.challenge.time);
    assert.match(String(challenge['tidelock.date']), /2025/);
    assert.equal(all.slice(3).map((layer) => Number(layer['tidelock.time'])), [v.ready.time, ...Array<number>(7).fill(100)]);
    if (v.suite === 'sealed') assert.equal(all.slice(3).map((layer) => 'tidelock.sealed' in layer), Array<boolean>(8).fill(true));
    else checkClear(all);
    assert.not.ok(JSON.stringify(all).includes('malformed'));
  });
}

dissected('topics, where the suite leaves bodies clear', () => {
  const v = streams.find(({ suite }) => suite === 'signed')!;
  const more = (up: boolean, counter: number, type: number, body: Uint8Array): Said => ({ up, at: EPOCH + 100, bytes: frame(v, up, counter, type, body) });
  const said = [
    ...session(v).slice(0, 4), more(true, 0, TYPE.ROUTE | WANTED, writeLed(1, 0, writeRoute(60, 'temp/inlet', ascii('21.5')))),
    more(false, 1, TYPE.DELIVER, writeDeliver('valve/set', 2, ascii('open'))), more(true, 1, TYPE.ROUTE, writeRoute(0, 'cut', ascii('')).slice(0, -1)),
  ];
  const all = layers(written('topics.pcap', connection(said, DEVICE, GATEWAY))), get = (i: number, name: string): unknown => all[i]![`tidelock.${name}`];
  assert.equal(types(all), [1, 2, 3, 4, TYPE.ROUTE, TYPE.DELIVER, TYPE.ROUTE]);
  assert.equal(['id', 'lifetime', 'topic', 'data'].map((name) => get(4, name)), ['1', '60', 'temp/inlet', '21.5']);
  assert.equal(['topic', 'trust', 'data'].map((name) => get(5, name)), ['valve/set', '2', 'open']);
  assert.ok(JSON.stringify(all[6]).includes('malformed'));
});

dissected('a stream that comes byte by byte, and frames that share a segment', () => {
  const said = session(sealedStream).flatMap(({ up, bytes, at }) => Array.from(bytes, (_, i): Said => ({ up, at, bytes: bytes.subarray(i, i + 1) })));
  assert.equal(types(layers(written('bytes.pcap', connection(said, DEVICE, GATEWAY)))), TYPES);
  const [hello, challenge, proof, ready, ...rest] = session(sealedStream);
  const up = Buffer.concat(rest.filter((each) => each.up).map((each) => each.bytes));
  const together = [hello!, challenge!, proof!, ready!, { up: true, at: EPOCH + 100, bytes: up }];
  assert.equal(types(layers(written('together.pcap', connection(together, DEVICE, GATEWAY)))), [1, 2, 3, 4, 8, 8, 10, 9]);
});

dissected('DISCOVER and OFFER, and what is none of them', () => {
  const anybody = { address: '239.255.84.33', port: 8434 }, gateway = { ...GATEWAY, port: 8434 };
  const discover = writeDiscover(TOKEN), offer = writeOffer({ token: TOKEN, links: [{ link: 0, port: 8433 }, { link: 2, port: 8443 }], name: 'plant/attic' });
  const bad = [discover.slice(0, -1), Uint8Array.from([...offer, 0]), offer.slice(0, 10), Uint8Array.of(0x99), Uint8Array.from(discover, (byte, i) => (i === 100 ? 1 : byte))];
  const packets = [
    { at: EPOCH, bytes: udp(DEVICE, anybody, discover) }, ...[offer, ...bad].map((bytes, i) => ({ at: EPOCH + 1 + i, bytes: udp(gateway, DEVICE, bytes) })),
  ];
  const file = written('discovery.pcap', packets), all = layers(file), get = (i: number, name: string): unknown => all[i]![`tidelock.${name}`];
  const token = Buffer.from(TOKEN).toString('hex').replace(/..(?=.)/g, '$&:');
  assert.equal(types(all).slice(0, 2), [abi.DISCOVER, abi.OFFER]);
  assert.equal([get(0, 'version'), get(0, 'token')], ['1', token]);
  assert.equal(['token', 'offer.links', 'offer.link', 'offer.port', 'offer.name'].map((name) => get(1, name)), [token, '2', ['0', '2'], ['8433', '8443'], 'plant/attic']);
  assert.not.ok(JSON.stringify(all.slice(0, 2)).includes('malformed'));
  for (const layer of all.slice(2)) assert.ok(JSON.stringify(layer).includes('malformed'), JSON.stringify(layer));
});

dissected('at another port a HELLO tells', () => {
  for (const v of [sealedStream, datagrams[0]!]) {
    const elsewhere = { ...GATEWAY, port: 40_000 };
    const said = session(v);
    const packets = v.link === 'stream' ? connection(said, DEVICE, elsewhere) : said.map(({ up, bytes, at }) => ({ at, bytes: up ? udp(DEVICE, elsewhere, bytes) : udp(elsewhere, DEVICE, bytes) }));
    assert.equal(types(layers(written(`port-${v.link}.pcap`, packets))), TYPES);
  }
});

dissected('bytes that are no frames are said to be malformed, and no Lua error comes of them', () => {
  const random = (seed: number): Buffer => Buffer.from(Array.from({ length: 40 + (seed % 200) }, (_, i) => (Math.imul(seed + i * 7919, 2_654_435_761) >>> 13) & 0xff));
  const packets = Array.from({ length: 300 }, (_, i) => {
    const bytes = random(i + 1);
    bytes[0]! |= 0x80;
    if (i % 2) bytes[0] = 0x81 + (i % 3);
    const device = { address: '192.0.2.8', port: 10_000 + i };
    return { at: EPOCH + i, bytes: i % 3 === 0 ? udp(device, GATEWAY, bytes) : connection([{ up: true, bytes, at: EPOCH + i }], device, GATEWAY)[2]!.bytes };
  });
  assert.ok(JSON.stringify(layers(written('random.pcap', packets))).includes('malformed'));
});

/** Captures on loopback where that is allowed; undefined where it is not. */
async function capture(port: number, file: string): Promise<ChildProcess | undefined> {
  const child = spawn('dumpcap', ['-q', '-i', 'lo', '-f', `tcp port ${port}`, '-w', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit').catch(() => undefined);
  let said = '';
  child.on('error', () => undefined);
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const begun = until('the capture begins', () => /^File: /m.test(said));
  const first = await Promise.race([begun.then(() => 'begun'), ended.then(() => 'ended'), once(child, 'error').then(() => 'ended')]);
  return first === 'begun' ? child : undefined;
}

dissected('a real session on loopback: what tshark and decode see of it', async () => {
  const gateway = await listen({ suites: ['signed'] });
  const said: Said[] = [];
  const relay = await Relay.to(() => gateway.address);
  relay.filterToGateway = (bytes) => (said.push({ up: true, bytes, at: Date.now() }), bytes);
  relay.filterToDevice = (bytes) => (said.push({ up: false, bytes, at: Date.now() }), bytes);
  const file = path.join(folder, 'real.pcapng');
  const dumpcap = await capture(portOf(relay.url), file);
  gateway.on('message', () => undefined);
  const device = makeDevice(relay.url, { suites: ['signed'] });
  await device.send('21.5 °C').acknowledged;
  await device.close();
  await until('the link is closed', () => gateway.device('pump-7') === undefined);
  await closeAll(gateway, relay);
  if (dumpcap) {
    // It writes what it has when it is told to end, and it sees the last packet a moment after the sockets do.
    await until('the capture has the last frame', () => existsSync(file) && readFileSync(file).includes(said.at(-1)!.bytes));
    dumpcap.kill('SIGINT');
    await once(dumpcap, 'exit');
  } else writeFileSync(file, readFileSync(written('real.pcap', connection(said, DEVICE, GATEWAY))));

  const all = layers(file);
  assert.equal(types(all).slice(0, 3), [1, 2, 3]);
  assert.ok(types(all).includes(4));
  const message = all.find((layer) => layer['tidelock.data'] === '21.5 °C')!;
  assert.is(message['tidelock.wanted'], '1');
  assert.is(all.at(-1)!['tidelock.close.reason'], '1');
  const told = ofInput({ keys: () => [KEY] }, readFileSync(file));
  assert.match(brief(told), /^HELLO\? CHALLENGE PROOF .*READY.* CLOSE$/);
  assert.not.match(brief(told), /!|\[/);
  assert.is(told.length, all.length);
});

uvuTest.run();
