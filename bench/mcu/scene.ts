/**
 * A session of the published vectors, for boards: handshake, a message of 64 bytes signed, one verified. Run as a program with
 * TIDELOCK_TRACE naming a folder; `scenes` does that and gives the traces.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ZERO, proveToGateway, readyAtDevice, vectorDevice, vectorGateway, vectors } from '../../test/core/engine/vector-file.js';

export type Suite = 'signed' | 'sealed';
const BODY = 64;
/** Session time of both messages. */
const TIME = 1_000;

export interface Scene {
  /** Lines for bench/mcu/message.c; a "!" before those calls that are measured. */
  trace: string;
  /** Lines for bench/mcu/native.c. */
  native: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Plays it on one build; returns the lines for native.c. */
function play(build: string, suite: Suite): string {
  const v = vectors.handshakes.find(({ name }) => name === `stream ${suite}`)!;
  const device = vectorDevice(v, { build });
  const gateway = vectorGateway(v);
  const slot = proveToGateway(gateway, v);
  readyAtDevice(device, v);
  device.now = ZERO.device + TIME;
  const bodies = [1, 2].map((factor) => Uint8Array.from({ length: BODY }, (_, i) => (i * factor) & 255)) as [Uint8Array, Uint8Array];
  const up = device.send(bodies[0]).output[0]!;
  gateway.now = ZERO.gateway + TIME;
  const down = gateway.send(slot, [{ id: 0, body: bodies[1] }]).output[0]!;
  const told = device.receive(down);
  if (Buffer.compare(told.events[0]!.bytes!, bodies[1]) !== 0) throw new Error('the message did not come');
  return [
    [suite === 'signed' ? 2 : 1, v.toGateway.key, v.toGateway.iv || '00', v.toDevice.key, v.toDevice.iv || '00'].join(' '),
    `sign ${TIME} 0 ${hex(bodies[0])} ${hex(up)}`,
    `verify ${TIME} 1 ${hex(bodies[1])} ${hex(down)}`,
    '',
  ].join('\n');
}

/** The scene of a build, played in a process of its own, where the trace is on. */
export function scene(build: string, suite: Suite): Scene {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-scene-'));
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), build, suite], {
      encoding: 'utf8', env: { ...process.env, TIDELOCK_TRACE: folder },
    });
    if (status !== 0) throw new Error(stdout + stderr);
    const lines = readFileSync(path.join(folder, `${build}.trace`), 'utf8').split('\n');
    const calls = (name: string): number[] => lines.flatMap((line, i) => (line.startsWith(`c ${name} `) ? [i] : []));
    const measured = new Set([...calls('connected'), ...calls('rx'), ...calls('send')]);
    return { trace: lines.map((line, i) => (measured.has(i) ? `!${line}` : line)).join('\n'), native: stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(play(process.argv[2]!, process.argv[3] as Suite));
