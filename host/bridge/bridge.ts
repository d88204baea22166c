/** The bridge of one gateway: its connections, and what goes over them in both directions. */
import type { AttachedBridge, Bridge, BridgeHost, ThroughMessage } from '../gateway/bridge-types.js';
import type { Message } from '../gateway/types.js';
import { TidelockError } from '../errors.js';
import type { BridgeEvent } from '../registry/types.js';
import { isTopicName } from '../topic-filter.js';
import { Connection, type Received } from './connection.js';
import type { Shared } from './context.js';
import { Counts } from './counts.js';
import { Keeper } from './down/keeper.js';
import type { Fault } from './fault.js';
import { Lane } from './lane.js';
import { Lanes } from './lanes.js';
import { findMqtt, type MqttLibrary } from './library.js';
import { checkGatewayName, checkMqttOptions, type MqttSetup } from './options.js';
import { Probe } from './probe.js';
import { PublishItem, type PublishOptions } from './publish.js';
import { Announcer } from './home-assistant/announcer.js';
import { NOBODY_WAITS } from './publisher.js';
import { Results } from './results.js';
import { Status } from './status.js';
import { Subscriptions } from './subscriptions.js';
import { Topics } from './topics.js';
import type { MqttBridge, MqttCounters, MqttOptions } from './types.js';
import { InboxPump } from './up/inbox-pump.js';
import { contentOf } from './up/reading.js';
import { ThroughItem } from './up/through.js';

/**
 * A bridge to an MQTT broker, for the option `bridge` of `Gateway.listen`. Throws BAD_OPTION or UNKNOWN_OPTION; that the package mqtt is
 * missing (DRIVER_MISSING) shows when the gateway is opened.
 */
export function mqtt(options: MqttOptions): Bridge & MqttBridge {
  const setup = checkMqttOptions(options);
  let running: RunningBridge | undefined;
  return {
    mode: setup.mode,
    app: setup.app,
    attach: async (host) => {
      if (running !== undefined) throw new Error('a bridge belongs to one gateway: make another by mqtt()');
      return (running = await RunningBridge.start(setup, host));
    },
    counters: () => running?.counters() ?? NOTHING,
    publish: (topic, payload, options = {}) => running?.publish(topic, payload, options) ?? Promise.reject(new TidelockError('CLOSED', { what: 'the bridge' })),
  };
}

class RunningBridge implements AttachedBridge {
  readonly #shared: Shared;
  readonly #status: Status;
  readonly #announcer: Announcer;
  readonly #results: Results;
  readonly #pump: InboxPump;
  readonly #keeper: Keeper | undefined;
  readonly #probe: Probe;
  readonly #subscriptions: Subscriptions;
  /** Mode `through`: what an earlier run has left in the inbox goes first. */
  #backlog = true;
  #closing = false;
  /** Told to the log once, until it is back. */
  #away = false;
  /** That it is there stands in the log once. */
  #met = false;
  readonly #onMessage = (message: Message): void => this.#post(message);
  readonly #onBridge = ({ change }: BridgeEvent): void => {
    if (change === 'retried') this.#pump.retried();
  };

  static async start(setup: MqttSetup, host: BridgeHost): Promise<RunningBridge> {
    const library = await findMqtt();
    return new RunningBridge(setup, host, library, new Topics(setup.prefix, checkGatewayName(host.registry.gateway), setup.discovery));
  }

  private constructor(setup: MqttSetup, host: BridgeHost, library: MqttLibrary, topics: Topics) {
    const lanes = new Lanes(Array.from({ length: setup.connections }, (_, i) => this.#lane(setup, host, library, topics, i)));
    this.#shared = { host, setup, topics, lanes, counts: new Counts() };
    this.#status = new Status(this.#shared);
    this.#announcer = new Announcer(this.#shared);
    this.#results = new Results(this.#shared);
    this.#pump = new InboxPump(this.#shared);
    this.#keeper = setup.down ? new Keeper(this.#shared, library, () => this.#changed()) : undefined;
    this.#probe = new Probe(this.#shared, lanes.list[0]!.connection);
    this.#subscriptions = new Subscriptions(this.#shared, lanes.list[0]!.connection);
    host.gateway.on('message', this.#onMessage);
    host.registry.on('bridge', this.#onBridge);
    for (const { connection } of lanes.list) connection.open();
    this.#keeper?.open();
    this.#results.start();
    if (setup.mode === 'inbox') this.#pump.start();
    else void this.#pump.drained().then(() => (this.#backlog = false));
  }

  #lane(setup: MqttSetup, { clock, registry }: BridgeHost, library: MqttLibrary, topics: Topics, i: number): Lane {
    const lane: Lane = new Lane(new Connection({
      library, url: setup.url, credentials: setup.credentials, protocol: setup.protocol, clock,
      clientId: `${topics.prefix}-${registry.gateway}-${i}`, clean: true, receiveMaximum: 64,
      ...(i === 0 ? { received: (message: Received) => this.#received(message), will: () => ({ topic: topics.own('status'), payload: JSON.stringify({ connected: false }) }) } : {}),
      up: () => this.#up(lane, i),
      down: (fault, wasUp) => this.#down(lane, fault, wasUp),
    }), setup.window);
    return lane;
  }

  pass(message: ThroughMessage): boolean {
    if (this.#closing || this.#backlog) return false;
    this.#shared.lanes.of(message.message.device).push(new ThroughItem(this.#shared, message));
    return true;
  }

  publish(topic: string, payload: string | Buffer, options: PublishOptions): Promise<void> {
    const { lanes } = this.#shared;
    if (this.#closing) return Promise.reject(new TidelockError('CLOSED', { what: 'the bridge' }));
    return new Promise((resolve, reject) => lanes.of(topic).push(new PublishItem(topic, payload, options, resolve, reject)));
  }

  counters(): MqttCounters {
    const { lanes, setup, counts } = this.#shared, keeper = this.#keeper;
    const { list } = lanes, up = list.find(({ connection }) => connection.isUp)?.connection;
    return {
      connections: lanes.connected + (keeper?.connection.isUp === true ? 1 : 0),
      wanted: list.length + (setup.down ? 1 : 0),
      version: up?.version ?? 0,
      ...counts,
      commandsRefused: { ...counts.commandsRefused },
      waiting: lanes.size,
      keeper: keeper?.keeps === true,
      probesFailed: [...this.#probe.failed.keys()],
    };
  }

  async close(ms: number): Promise<void> {
    const { host, lanes, topics } = this.#shared;
    this.#closing = true;
    host.gateway.off('message', this.#onMessage);
    host.registry.off('bridge', this.#onBridge);
    await this.#keeper?.close();
    if (ms > 0) await this.#settled(ms);
    this.#status.close();
    this.#probe.close();
    this.#subscriptions.close();
    this.#announcer.close();
    await Promise.all([this.#pump.close(), this.#results.close()]);
    const own = lanes.list[0]!.connection;
    if (own.isUp) await new Promise<void>((resolve) => {
      const timer = host.clock.after(1_000, resolve, true);
      own.publish(topics.own('status'), JSON.stringify({ connected: false }), { retain: true }, { answered: () => {
        timer.cancel();
        resolve();
      } });
    });
    await Promise.all(lanes.list.map(({ connection }) => connection.close()));
  }

  /** What is in flight is waited for, while the broker is there. */
  async #settled(ms: number): Promise<void> {
    const { host: { clock }, lanes } = this.#shared, until = clock.now() + ms;
    while (lanes.size > 0 && lanes.connected === lanes.list.length && clock.now() < until) {
      await new Promise<void>((resolve) => void clock.after(20, resolve, true));
    }
  }

  #up(lane: Lane, i: number): void {
    const { host, topics } = this.#shared;
    if (i === 0) {
      const told = { connected: true, since: Math.floor(host.clock.unix()), gateway: host.registry.gateway, protocol: lane.connection.version === 5 ? '5' : '3.1.1' };
      lane.connection.publish(topics.own('status'), JSON.stringify(told), { retain: true }, NOBODY_WAITS);
    }
    lane.up();
    if (i === 0) {
      this.#probe.up();
      this.#subscriptions.up();
    }
    this.#status.up(lane);
    this.#announcer.up(lane);
    this.#changed();
  }

  #received(message: Received): void {
    if (!this.#probe.received(message)) this.#subscriptions.received(message);
  }

  #down(lane: Lane, { reason, remedy }: Fault, wasUp: boolean): void {
    if (wasUp) this.#shared.counts.lost += 1;
    lane.down();
    if (lane === this.#shared.lanes.list[0]) this.#probe.down();
    if (this.#closing || this.#away) return;
    this.#away = true;
    const { host, setup } = this.#shared, text = `no connection to the broker ${setup.url}: ${reason}${remedy === '' ? '' : `; ${remedy}`}`;
    const what = setup.mode === 'inbox' ? 'messages wait in the inbox' : 'no message is acknowledged';
    host.logger?.warn({ broker: setup.url, reason, ...(remedy === '' ? {} : { remedy }) }, `no connection to the broker: ${what}, and it is sought`);
    host.alarm({ kind: 'broker', device: undefined, text });
  }

  #changed(): void {
    const { host, setup, lanes } = this.#shared;
    const all = lanes.connected === lanes.list.length, version = lanes.list[0]!.connection.version === 5 ? '5' : '3.1.1';
    if (all && (this.#away || !this.#met)) host.logger?.info({ broker: setup.url, version, connections: lanes.connected }, this.#met ? 'the broker is back' : 'connected to the broker');
    else if (!this.#away && lanes.connected > 0) host.logger?.debug({ broker: setup.url, connections: lanes.connected }, 'connected to the broker');
    if (!all) return;
    this.#away = false;
    this.#met = true;
  }

  #post(message: Message): void {
    const { lanes, counts } = this.#shared, { connection } = lanes.of(message.device);
    const { device: identity, topic: sub, time, trust, body } = message;
    const { topic, payload, properties } = contentOf(this.#shared, connection.version, { identity, name: undefined, topic: sub, time, trust, suite: 0, body });
    if ((sub === undefined || isTopicName(topic)) && connection.post(topic, payload, properties)) counts.posted += 1;
    else counts.dropped += 1;
  }
}

const NOTHING: MqttCounters = {
  connections: 0, wanted: 0, version: 0, ...new Counts(), commandsRefused: {}, waiting: 0, keeper: false, probesFailed: [],
};
