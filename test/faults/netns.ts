/**
 * Three network namespaces in a row, device, middle and gateway, joined by veth pairs: what happens to packets between them
 * is the kernel's doing, with its retransmissions and its errors. Needs root, Linux and iproute2; removed at the end.
 */
import { spawnSync } from 'node:child_process';
import { between, type Random } from './packet.js';

/** Of RFC 5737's addresses for documentation, so that they are nobody's. */
const ADDRESSES = { device: '192.0.2.2', deviceGate: '192.0.2.1', gatewayGate: '198.51.100.1', gateway: '198.51.100.2' } as const;

function ip(...args: string[]): { ok: boolean; stderr: string } {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  return { ok: status === 0, stderr: stderr ?? error?.message ?? '' };
}

function must(...args: string[]): void {
  const { ok, stderr } = ip(...args);
  if (!ok) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}

/** Whether namespaces can be made here. */
export function canMakeNamespaces(): boolean {
  if (process.platform !== 'linux') return false;
  const name = `tidelock-try-${process.pid}`;
  const { ok } = ip('netns', 'add', name);
  if (ok) ip('netns', 'del', name);
  return ok;
}

export class Namespaces {
  readonly addresses = ADDRESSES;
  readonly device: string;
  readonly middle: string;
  readonly gateway: string;
  /** In words, what the kernel does to each packet by itself; empty where it has no netem. */
  netem = '';

  /** The names are free for those who know `name`: a process that runs in the middle uses the same. */
  constructor(name: string) {
    [this.device, this.middle, this.gateway] = [`${name}-device`, `${name}-middle`, `${name}-gateway`];
  }

  make(): void {
    for (const name of [this.device, this.middle, this.gateway]) {
      must('netns', 'add', name);
      must('-n', name, 'link', 'set', 'lo', 'up');
    }
    const { device, deviceGate, gateway, gatewayGate } = ADDRESSES;
    for (const [side, end, gate, far, near] of [
      [this.device, 'device', 'to-device', device, deviceGate], [this.gateway, 'gateway', 'to-gateway', gateway, gatewayGate],
    ] as const) {
      must('-n', this.middle, 'link', 'add', gate, 'type', 'veth', 'peer', 'name', end, 'netns', side);
      must('-n', side, 'addr', 'add', `${far}/30`, 'dev', end);
      must('-n', this.middle, 'addr', 'add', `${near}/30`, 'dev', gate);
      must('-n', side, 'link', 'set', end, 'up');
      must('-n', this.middle, 'link', 'set', gate, 'up');
    }
    const netem = ['delay', '5ms', '5ms', 'loss', '5%', 'reorder', '10%', 'duplicate', '2%'];
    const ends = [[this.device, 'device'], [this.gateway, 'gateway'], [this.middle, 'to-device'], [this.middle, 'to-gateway']] as const;
    const done = ends.every(([name, end]) => spawnSync('tc', ['-n', name, 'qdisc', 'add', 'dev', end, 'root', 'netem', ...netem]).status === 0);
    if (done) this.netem = netem.join(' ');
  }

  /** A way of one side breaks for up to 2 s: no carrier at all, or its packets alone are lost, in silence. */
  async strike(random: Random): Promise<void> {
    const [side, end, gate, near] = random() < 0.5
      ? [this.device, 'device', 'to-device', ADDRESSES.deviceGate]
      : [this.gateway, 'gateway', 'to-gateway', ADDRESSES.gatewayGate];
    const carrier = random() < 0.5, pause = new Promise((resolve) => setTimeout(resolve, between(random, 200, 2_000)));
    // To a hardware address that nobody has: the sender believes them sent.
    if (carrier) must('-n', this.middle, 'link', 'set', gate, 'down');
    else must('-n', side, 'neigh', 'replace', near, 'lladdr', '02:00:00:00:00:01', 'dev', end, 'nud', 'permanent');
    await pause;
    if (carrier) must('-n', this.middle, 'link', 'set', gate, 'up');
    else must('-n', side, 'neigh', 'del', near, 'dev', end);
  }

  inside(name: string): string[] {
    return ['ip', 'netns', 'exec', name];
  }

  remove(): void {
    for (const name of [this.device, this.middle, this.gateway]) ip('netns', 'del', name);
  }
}
