/**
 * Retained status of the devices: who is connected, since when, how. While the broker is away only who has changed is remembered. What an
 * earlier run of this gateway left as connected, and did not come back, is told after a while.
 */
import type { ConnectedDevice, DeviceChange } from '../gateway/types.js';
import type { Shared } from './context.js';
import type { Content, Item, Lane } from './lane.js';
import { FAILURE } from './packets.js';

/** ms after the start for devices to come back. */
const GRACE = 30_000;
/** Status messages of a lane that may wait in it at a time: what goes up must not stand behind a crowd of them. */
const AT_ONCE = 32;

/** How and when (Unix ms) a session ended. */
interface End {
  readonly reason: string;
  readonly since: number;
}

class StatusItem implements Item {
  losses = 0;
  readonly wanted = true;
  readonly identity: string;
  readonly #status: Status;
  readonly #lane: Lane;
  #told: End | undefined;

  constructor(status: Status, lane: Lane, identity: string) {
    this.#status = status;
    this.#lane = lane;
    this.identity = identity;
  }

  content(): Content {
    this.#told = this.#status.end(this.identity);
    return this.#status.content(this.identity, this.#told);
  }

  settle(reason: number): void {
    this.#status.settled(this.#lane, reason, this.identity, this.#told);
  }
}

export class Status {
  readonly #shared: Shared;
  /** Whose status is to be told, a lane each; and how many of them are in it. */
  readonly #due = new Map<Lane, Set<string>>();
  readonly #under = new Map<Lane, number>();
  /** Of sessions whose end the broker has not acknowledged. */
  readonly #ends = new Map<string, End>();
  /** Whose session ended within the first while; undefined: that is over. What was told of it is not to be told as an earlier run's. */
  #ended: Set<string> | undefined = new Set();
  readonly #onDevice = (change: DeviceChange): void => this.#changed(change);
  #closed = false;

  constructor(shared: Shared) {
    this.#shared = shared;
    shared.host.gateway.on('device', this.#onDevice);
    shared.host.clock.after(GRACE, () => void this.#reap(), false);
  }

  /** The connection stands: a broker that was started anew may know nothing. */
  up(lane: Lane): void {
    const { gateway } = this.#shared.host;
    for (const { id } of gateway.devices()) if (this.#shared.lanes.of(id) === lane) this.#dueOf(lane).add(id);
    this.#fill(lane);
  }

  close(): void {
    this.#closed = true;
    this.#shared.host.gateway.off('device', this.#onDevice);
  }

  end(identity: string): End | undefined {
    return this.#ends.get(identity);
  }

  content(identity: string, end: End | undefined): Content {
    const { host: { gateway, clock, epoch, registry }, topics } = this.#shared;
    const device = gateway.device(identity);
    const told = device === undefined
      ? { connected: false, since: end?.since ?? Math.floor(clock.unix()), reason: end?.reason ?? '', gateway: registry.gateway }
      : { connected: true, since: device.since, link: device.link, suite: device.suite, trust: trustOf(device), gateway: registry.gateway, epoch: epoch(identity) };
    return { topic: topics.status(identity), payload: JSON.stringify(told), properties: undefined, retain: true };
  }

  settled(lane: Lane, reason: number, identity: string, told: End | undefined): void {
    if (reason >= FAILURE) this.#shared.counts.refused += 1; // told by the probe of its class; the next change tries again
    if (told !== undefined && this.#ends.get(identity) === told) this.#ends.delete(identity);
    this.#under.set(lane, (this.#under.get(lane) ?? 1) - 1);
    this.#fill(lane);
  }

  #changed({ id, online, reason }: DeviceChange): void {
    if (!online) this.#ended?.add(id);
    if (online) this.#ends.delete(id);
    else this.#ends.set(id, { reason, since: Math.floor(this.#shared.host.clock.unix()) });
    const lane = this.#shared.lanes.of(id);
    this.#dueOf(lane).add(id);
    this.#fill(lane);
  }

  #fill(lane: Lane): void {
    if (!lane.connection.isUp) return;
    const due = this.#dueOf(lane);
    for (const identity of due) {
      const under = this.#under.get(lane) ?? 0;
      if (under >= AT_ONCE) return;
      due.delete(identity);
      this.#under.set(lane, under + 1);
      lane.push(new StatusItem(this, lane, identity));
    }
  }

  #dueOf(lane: Lane): Set<string> {
    let due = this.#due.get(lane);
    if (due === undefined) this.#due.set(lane, (due = new Set()));
    return due;
  }

  /** Devices that had a session once and have none. */
  async #reap(): Promise<void> {
    const { host: { registry, gateway, failed }, lanes } = this.#shared;
    try {
      for (let after = ''; !this.#closed;) {
        const devices = await registry.list({ after, limit: 500 });
        for (const { identity, since } of devices) {
          if (since === undefined || gateway.device(identity) !== undefined || this.#ended?.has(identity) === true) continue;
          this.#dueOf(lanes.of(identity)).add(identity);
        }
        if (devices.length < 500) break;
        after = devices.at(-1)!.identity;
      }
      for (const lane of lanes.list) this.#fill(lane);
    } catch (error) {
      if (!this.#closed) failed(error);
    } finally {
      this.#ended = undefined;
    }
  }
}

function trustOf({ protocol, link }: ConnectedDevice): string {
  return protocol === 'tidelock' ? 'proved' : link === 'tls' ? 'tls' : 'none';
}
