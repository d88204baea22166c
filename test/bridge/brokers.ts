/** Brokers for the tests: aedes in the process, mosquitto, three nodes of NATS. Each can be stopped and started again at its ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Aedes } from 'aedes';
import { root } from '../../scripts/lib/root.mjs';
import { found } from '../support/skip.js';

export interface Broker {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Of what a client of a test speaks to it; the bridge finds out by itself. */
  readonly protocol: 5 | 4;
  /** What the bridge is told: by itself it would take MQTT 5 where it is offered. */
  readonly bridge: { url: string; protocol: 'auto' | '3.1.1' };
  /** Ends without a farewell, as by a power cut; what it keeps on the disk stays. */
  kill(): Promise<void>;
  /** Ends it in order: what it has acknowledged is on the disk then, whatever its settings. Brokers that are processes have it. */
  stop?(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

const left = new Set<() => void>();
process.once('exit', () => {
  for (const end of left) end();
});

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function untilOpen(port: number, what: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    if (tries > 600) throw new Error(`${what} never listened`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function startAedes(): Promise<Broker> {
  const port = await freePort(), sockets = new Set<Socket>();
  let aedes: Aedes, server: Server;
  const start = async (): Promise<void> => {
    // Its sessions live as long as it does: it keeps nothing on a disk.
    aedes ??= await Aedes.createBroker();
    server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      aedes.handle(socket);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const kill = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  await start();
  return {
    name: 'aedes', url: `mqtt://127.0.0.1:${port}`, bridge: { url: `mqtt://127.0.0.1:${port}`, protocol: 'auto' }, port, protocol: 4, start, kill,
    close: async () => {
      await kill();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
  };
}

export const haveMosquitto = found('mosquitto', '-h') && found('mosquitto_sub', '--help');

/** `settings`: further lines of its configuration. */
export async function startMosquitto(protocol: 5 | 4 = 5, settings: readonly string[] = []): Promise<Broker> {
  const port = await freePort(), folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-mosquitto-'));
  const file = path.join(folder, 'mosquitto.conf');
  const user = process.getuid?.() === 0 ? ['user root'] : [];
  writeFileSync(file, [
    `listener ${port} 127.0.0.1`, ...(settings.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']), ...user,
    'persistence true', `persistence_location ${folder}/`, 'autosave_on_changes true', 'autosave_interval 1', ...(settings.some((line) => line.startsWith('max_queued')) ? [] : ['max_queued_messages 0']), 'log_dest stderr', ...settings, '',
  ].join('\n'));
  return processBroker({ name: `mosquitto, MQTT ${protocol === 5 ? '5' : '3.1.1'}`, port, protocol, only: protocol === 4, folder, run: () => spawn('mosquitto', ['-c', file], { stdio: 'ignore' }) });
}

interface ProcessSetup {
  name: string;
  port: number;
  protocol: 5 | 4;
  /** It has MQTT 5, and is to be spoken to with 3.1.1. */
  only?: boolean;
  folder: string;
  run(): ChildProcess;
}

async function processBroker({ name, port, protocol, only = false, folder, run }: ProcessSetup): Promise<Broker> {
  let child: ChildProcess | undefined;
  const end = (): void => void child?.kill('SIGKILL');
  left.add(end);
  const start = async (): Promise<void> => {
    child = run();
    await untilOpen(port, name);
  };
  const endBy = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const kill = (): Promise<void> => endBy('SIGKILL');
  await start();
  return {
    name, port, protocol, url: `mqtt://127.0.0.1:${port}`, bridge: { url: `mqtt://127.0.0.1:${port}`, protocol: only ? '3.1.1' : 'auto' }, start, kill, stop: () => endBy('SIGTERM'),
    close: async () => {
      await kill();
      left.delete(end);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const natsBinary = [path.join(root, 'build', 'go', 'nats-server')].find(existsSync);
export const haveNats = natsBinary !== undefined;

export interface NatsCluster extends Broker {
  /** Kills and starts one of the three, 0 to 2; the tests and the bridge speak to node 0 unless they say otherwise. */
  killNode(node: number): Promise<void>;
  startNode(node: number): Promise<void>;
  readonly ports: readonly number[];
}

/** Three nodes with JetStream, by which MQTT sessions and messages are kept three times. `settings`: more of the configuration of each; `env`: what it refers to. */
export async function startNats(settings = '', env: Record<string, string> = {}): Promise<NatsCluster> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-nats-'));
  const ports: number[] = [], routes: number[] = [];
  for (let i = 0; i < 3; i++) {
    ports.push(await freePort());
    routes.push(await freePort());
  }
  const nodes: Broker[] = [];
  const files: string[] = [];
  for (let i = 0; i < 3; i++) {
    const file = path.join(folder, `n${i}.conf`);
    files.push(file);
    writeFileSync(file, `
server_name: n${i}
listen: 127.0.0.1:-1
jetstream { store_dir: "${folder}/n${i}", max_file_store: 2G, sync_interval: always }
cluster { name: tide, listen: 127.0.0.1:${routes[i]!}, routes: [${routes.map((port) => `nats://127.0.0.1:${port}`).join(', ')}] }
mqtt { listen: 127.0.0.1:${ports[i]!}, ack_wait: "5s", max_ack_pending: 1000 }
${settings}
`);
  }
  await Promise.all(files.map(async (file, i) => {
    nodes[i] = await processBroker({ name: `NATS node ${i}`, port: ports[i]!, protocol: 4, folder: path.join(folder, `n${i}`), run: () => spawn(natsBinary!, ['-c', file], { stdio: 'ignore', env: { ...process.env, ...env } }) });
  }));
  return {
    name: 'three nodes of NATS', url: `mqtt://127.0.0.1:${ports[0]!}`, bridge: { url: `mqtt://127.0.0.1:${ports[0]!}`, protocol: 'auto' }, port: ports[0]!, protocol: 4, ports,
    killNode: (node) => nodes[node]!.kill(),
    startNode: (node) => nodes[node]!.start(),
    kill: async () => void (await Promise.all(nodes.map((node) => node.kill()))),
    start: async () => void (await Promise.all(nodes.map((node) => node.start()))),
    close: async () => {
      for (const node of nodes) await node.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
