/** What fails, one after the other, and the brokers that it fails with. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Broker, NatsCluster } from '../../bridge/brokers.js';
import { startMosquitto, startNats } from '../../bridge/brokers.js';
import type { Trial } from './trial.js';

export const FAULTS = ['gateway killed', 'gateway stopped', 'cut from the broker', 'broker restarted', 'database restarted'] as const;
export type FaultName = (typeof FAULTS)[number];

export interface TrialBroker {
  readonly name: string;
  readonly protocol: 5 | 4;
  /** Where the gateway finds it, through the cut; and where the others do. */
  port: number;
  readonly otherPort: number;
  /** Takes it away, gives the port at which it is to be found meanwhile (undefined: nowhere), and what brings it back. */
  restart(): Promise<{ meanwhile: number | undefined; back: () => Promise<void> }>;
  close(): Promise<void>;
}

/** With persistence: told to end, it writes what it has acknowledged. Killed it would lose what it acknowledged since it last wrote. */
export async function mosquitto(protocol: 5 | 4 = 5): Promise<TrialBroker> {
  const broker: Broker = await startMosquitto(protocol, ['autosave_on_changes false', 'autosave_interval 0', 'max_inflight_messages 1000']);
  return {
    name: broker.name, protocol, port: broker.port, otherPort: broker.port,
    restart: async () => {
      await broker.stop!();
      return { meanwhile: undefined, back: () => broker.start() };
    },
    close: () => broker.close(),
  };
}

/** The node that the gateway speaks to is killed; the gateway finds the next, as behind an address that moves. */
export async function nats(): Promise<TrialBroker> {
  const cluster: NatsCluster = await startNats(), [first = 0, second = 0, third = 0] = cluster.ports;
  let node = 0;
  const made: TrialBroker = {
    name: cluster.name, protocol: 4, port: first, otherPort: third,
    restart: async () => {
      const killed = node;
      node = 1 - node;
      await cluster.killNode(killed);
      return { meanwhile: [first, second][node], back: () => cluster.startNode(killed) };
    },
    close: () => cluster.close(),
  };
  return made;
}

export async function fail(name: FaultName, trial: Trial): Promise<void> {
  const { options: { stopped, away, broker, postgres }, cut } = trial;
  switch (name) {
    case 'gateway killed':
      trial.gateway.kill('SIGKILL');
      await trial.gateway.ended;
      trial.startGateway();
      return;
    case 'gateway stopped':
      trial.gateway.kill('SIGSTOP');
      await pause(stopped);
      trial.gateway.kill('SIGCONT');
      return;
    case 'cut from the broker': {
      const { target } = cut;
      cut.target = undefined;
      cut.drop();
      await pause(away);
      cut.target = target;
      return;
    }
    case 'broker restarted': {
      const { meanwhile, back } = await broker.restart();
      cut.target = meanwhile;
      cut.drop();
      await pause(away);
      await back();
      cut.target = meanwhile ?? broker.port;
      return;
    }
    case 'database restarted':
      await postgres!.kill();
      await pause(away);
      await postgres!.run();
  }
}
