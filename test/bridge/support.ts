/** What the tests of the bridge share: a gateway with its registry and bridge, and the other side, a plain client. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import mqttClient, { type IClientOptions, type IClientPublishOptions, type MqttClient } from 'mqtt';
import { mqtt, type MqttBridge, type MqttOptions } from 'tidelock/bridge';
import { Device, type DeviceOptions } from 'tidelock/device';
import { Gateway, type GatewayOptions } from 'tidelock/gateway';
import { openRegistry, type Registry, type RegistryOptions } from 'tidelock/registry';
import { newPlace } from '../registry/support.js';
import type { Broker } from './brokers.js';

export interface Site {
  readonly place: string;
  readonly registry: Registry;
  readonly gateway: Gateway;
  readonly bridge: MqttBridge;
  readonly alarms: string[];
  close(): Promise<void>;
}

export interface SiteOptions {
  place?: string;
  registry?: RegistryOptions;
  gateway?: Partial<GatewayOptions>;
}

/** Errors of the gateway end a test, unless it is one of these. */
export async function site(options: MqttOptions, { place, registry: registryOptions, gateway: gatewayOptions }: SiteOptions = {}): Promise<Site> {
  const where = place ?? (await newPlace());
  const registry = await openRegistry(where, registryOptions), bridge = mqtt(options), alarms: string[] = [];
  const gateway = await Gateway.listen({ listen: 'tidelock://127.0.0.1:0', registry, bridge, ...gatewayOptions });
  gateway.on('alarm', ({ text }) => alarms.push(text));
  return {
    place: where, registry, gateway, bridge, alarms,
    close: async () => {
      await gateway.close({ drain: 0 });
      await registry.close();
    },
  };
}

/** A device that is added where it is new, and is online. */
export async function device({ registry, gateway }: Site, id: string, options: Partial<DeviceOptions> = {}): Promise<Device> {
  const key = registry.find(id, 0) ?? (await registry.add(id));
  const made = new Device({ url: gateway.address, id, key: Uint8Array.from(key), ...options });
  await made.online();
  return made;
}

export interface Got {
  readonly topic: string;
  readonly text: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly user: Record<string, string>;
  readonly correlation: string | undefined;
}

/** The other side: a plain mqtt.js client that keeps what it got. */
export class Other {
  readonly client: MqttClient;
  readonly got: Got[] = [];

  private constructor(client: MqttClient) {
    this.client = client;
    client.on('message', (topic, payload, { retain, properties = {} }) => {
      const { userProperties = {}, correlationData } = properties;
      this.got.push({ topic, payload, text: payload.toString(), retain, user: userProperties as Record<string, string>, correlation: correlationData?.toString() });
    });
  }

  static async connect({ url, protocol }: Pick<Broker, 'url' | 'protocol'>, filters: readonly string[] = [], options: IClientOptions = {}): Promise<Other> {
    const other = new Other(await mqttClient.connectAsync(url, { protocolVersion: protocol, reconnectPeriod: 100, ...options }));
    try {
      if (filters.length > 0) await other.client.subscribeAsync([...filters], { qos: 1 });
    } catch (error) {
      await other.close();
      throw error;
    }
    return other;
  }

  of(topic: string): Got[] {
    return this.got.filter((one) => one.topic === topic);
  }

  async publish(topic: string, payload: string | Buffer, options: IClientPublishOptions = { qos: 1 }): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 1, ...options });
  }

  /** A command, with what it says of itself in properties or in an envelope. */
  command(topic: string, text: string, note: Record<string, string>): Promise<void> {
    if (this.client.options.protocolVersion === 5) {
      const { 'tl-response': responseTopic, 'tl-correlation': correlation, ...userProperties } = note;
      return this.publish(topic, text, {
        qos: 1,
        properties: { ...(Object.keys(userProperties).length === 0 ? {} : { userProperties }), ...(responseTopic === undefined ? {} : { responseTopic }), ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation) }) },
      });
    }
    return this.publish(topic, JSON.stringify({ ...note, text }));
  }

  close(): Promise<void> {
    return this.client.endAsync(true);
  }
}

/** A reading as it came up: its text and `tl-id`, whichever way they were told. */
export function reading({ text, user }: Got): { text: string; id: string } {
  if (user['tl-id'] !== undefined) return { text, id: user['tl-id'] };
  const { 'tl-id': id, text: inside, base64 } = JSON.parse(text) as Record<string, string>;
  return { id: id!, text: inside ?? Buffer.from(base64!, 'base64').toString() };
}

export function result({ text }: Got): { result: string; device: string; 'tl-id'?: string; reason?: string; correlation?: string; once?: boolean } {
  return JSON.parse(text) as never;
}

const run = promisify(execFile);

/** mosquitto_pub, as of anybody. */
export async function mosquittoPub({ port, protocol }: Pick<Broker, 'port' | 'protocol'>, topic: string, text: string, ...more: string[]): Promise<void> {
  await run('mosquitto_pub', ['-p', String(port), '-V', protocol === 5 ? '5' : '311', '-q', '1', '-t', topic, '-m', text, ...more]);
}

/** mosquitto_sub, until it has got so many. */
export async function mosquittoSub({ port, protocol }: Pick<Broker, 'port' | 'protocol'>, filter: string, count: number): Promise<string[]> {
  const { stdout } = await run('mosquitto_sub', ['-p', String(port), '-V', protocol === 5 ? '5' : '311', '-q', '1', '-t', filter, '-C', String(count), '-W', '30', '-F', '%t %p']);
  return stdout.trim().split('\n');
}

/** Waits for something that other processes bring about. The limit is for a hang, not for a slow machine. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>, most = 60_000): Promise<void> {
  const began = Date.now();
  while (!(await condition())) {
    if (Date.now() - began > most) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
