/**
 * A naive registry: lists in memory, and the rules as docs/registry.md tells them. It knows no SQL, no transaction and
 * no counter of what waits; what it and the real one say must be the same after every step.
 */
import type { End, Verdict } from 'tidelock/registry';

export interface Bounds {
  inboxRows: number;
  inboxBytes: number;
  inboxRowsPerDevice: number;
  inboxBytesPerDevice: number;
  queueMessages: number;
  queueBytes: number;
  queueMessagesPerDevice: number;
  queueBytesPerDevice: number;
}

export interface ModelLease {
  identity: string;
  epoch: number;
  outbox: number;
}

interface Command {
  name: string;
  text: string;
  deadline: number;
  again: boolean;
  repeat: boolean;
  sent: boolean;
}

interface ModelDevice {
  disabled: boolean;
  epoch: number;
  record: { outbox: number; last: number };
  /** Slot i holds number `low + i`; undefined is a SKIP. Number 1 is one. */
  slots: (Command | undefined)[];
  low: number;
  sent: number;
  /** Of the outboxes that it has had. */
  outboxes: number;
}

export interface Message {
  id: number;
  text: string | undefined;
}

export class Model {
  readonly inbox: { identity: string; outbox: number; id: number; text: string }[] = [];
  readonly ends: string[] = [];
  readonly devices = new Map<string, ModelDevice>();

  constructor(readonly bounds: Bounds) {}

  add(identity: string): void {
    this.devices.set(identity, { disabled: false, epoch: 0, record: { outbox: 0, last: 0 }, slots: [undefined], low: 1, sent: 0, outboxes: 1 });
  }

  disable(identity: string, disabled: boolean): boolean {
    const device = this.devices.get(identity)!;
    if (device.disabled === disabled) return false;
    device.disabled = disabled;
    device.epoch += 1;
    return true;
  }

  takeover(identity: string, outbox: number): { lease: ModelLease; inLast: number; low: number; sent: number; next: number } | undefined {
    const device = this.devices.get(identity)!;
    if (device.disabled) return undefined;
    device.epoch += 1;
    return {
      lease: { identity, epoch: device.epoch, outbox },
      inLast: device.record.outbox === outbox ? device.record.last : 0,
      low: device.low, sent: device.sent, next: this.next(device),
    };
  }

  commit(lease: ModelLease, messages: Message[]): Verdict[] {
    const device = this.#holding(lease);
    if (device === undefined) return messages.map(() => 'superseded');
    let full = false;
    return messages.map(({ id, text }): Verdict => {
      const last = device.record.outbox === lease.outbox ? device.record.last : 0;
      if (id <= last) return 'durable';
      if (id !== last + 1 || full) return 'gap';
      if (text !== undefined && !this.#inboxRoom(lease.identity, text)) {
        full = true;
        return 'full';
      }
      device.record = { outbox: lease.outbox, last: id };
      const { identity, outbox } = lease;
      const there = this.inbox.some((row) => row.identity === identity && row.outbox === outbox && row.id === id);
      if (text !== undefined && !there) this.inbox.push({ identity, outbox, id, text });
      return 'durable';
    });
  }

  done(index: number): void {
    this.inbox.splice(index, 1);
  }

  /** Undefined: queued. */
  enqueue(identity: string, name: string, text: string, deadline: number, again: boolean): 'DISABLED' | 'QUEUE_FULL' | undefined {
    const device = this.devices.get(identity)!;
    if (device.disabled) return 'DISABLED';
    const own = live(device);
    const all = [...this.devices.values()].flatMap(live);
    const { bounds } = this;
    if (own.length >= bounds.queueMessagesPerDevice || bytes(own) + text.length > bounds.queueBytesPerDevice
      || all.length >= bounds.queueMessages || bytes(all) + text.length > bounds.queueBytes) return 'QUEUE_FULL';
    device.slots.push({ name, text, deadline, again, repeat: false, sent: false });
    return undefined;
  }

  take(lease: ModelLease, first: number, count: number, now: number): [number, string | undefined, boolean][] | undefined {
    const device = this.#holding(lease);
    if (device === undefined) return undefined;
    const out: [number, string | undefined, boolean][] = [];
    const begin = Math.max(first, device.low);
    const last = Math.min(first + count, begin + 64, this.next(device)) - 1;
    for (const overdue of [false, true]) {
      for (let id = begin; id <= last; id++) {
        const command = device.slots[id - device.low];
        if (command !== undefined && command.deadline <= now && command.sent === overdue) this.#end(device, id, overdue ? 'in doubt' : 'expired');
      }
    }
    for (let id = begin; id <= last; id++) {
      const command = device.slots[id - device.low];
      device.sent = Math.max(device.sent, id);
      if (command !== undefined) command.sent = true;
      out.push([id, command?.text, command?.repeat ?? false]);
    }
    return out;
  }

  delivered(lease: ModelLease, id: number): number | undefined {
    const device = this.#holding(lease);
    if (device === undefined) return undefined;
    while (device.low <= id && device.slots.length > 0) {
      this.#end(device, device.low, 'delivered');
      device.sent = Math.max(device.sent, device.low);
      device.slots.shift();
      device.low += 1;
    }
    return this.next(device);
  }

  refused(lease: ModelLease, id: number): number | undefined {
    const next = this.delivered(lease, id - 1);
    const device = this.#holding(lease);
    if (device !== undefined && id >= device.low) this.#end(device, id, 'refused');
    return next;
  }

  untaken(lease: ModelLease, id: number): void {
    const device = this.#holding(lease);
    if (device === undefined || id < device.low || device.sent < id) return;
    device.sent = id - 1;
    device.slots.forEach((command, i) => {
      if (command !== undefined && device.low + i >= id) command.sent = false;
    });
  }

  renew(lease: ModelLease, doubt: number): void {
    const device = this.#holding(lease);
    if (device === undefined) return;
    const stay: Command[] = [];
    device.slots.forEach((command, i) => {
      if (command === undefined) return;
      const doubtful = device.low + i <= doubt;
      if (doubtful && !command.again) this.ends.push(`${command.name} in doubt`);
      else stay.push({ ...command, sent: false, repeat: command.repeat || doubtful });
    });
    Object.assign(device, { slots: [undefined, ...stay], low: 1, sent: 0, epoch: device.epoch + 1, outboxes: device.outboxes + 1 });
  }

  cancel(name: string): 'cancelled' | 'sent' | 'unknown' {
    for (const device of this.devices.values()) {
      const index = device.slots.findIndex((command) => command?.name === name);
      if (index < 0) continue;
      if (device.slots[index]!.sent) return 'sent';
      this.#end(device, device.low + index, 'cancelled');
      return 'cancelled';
    }
    return 'unknown';
  }

  /** The earliest deadline left. */
  expire(now: number): number | undefined {
    const overdue: { device: ModelDevice; id: number; command: Command }[] = [];
    for (const device of this.devices.values()) {
      device.slots.forEach((command, i) => {
        if (command !== undefined && command.deadline <= now) overdue.push({ device, id: device.low + i, command });
      });
    }
    for (const { device, id, command } of overdue) this.#end(device, id, command.sent ? 'in doubt' : 'expired');
    const deadlines = [...this.devices.values()].flatMap(live).map(({ deadline }) => deadline);
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  waiting(identity: string): string[] {
    return live(this.devices.get(identity)!).map(({ name, sent }) => `${name}${sent ? ' sent' : ''}`);
  }

  /** What the core may know: number 1 goes alone, and only where something waits behind it. */
  next(device: ModelDevice): number {
    const next = device.low + device.slots.length;
    if (device.low > 1) return next;
    return next > 2 ? 2 : 1;
  }

  #holding({ identity, epoch }: ModelLease): ModelDevice | undefined {
    const device = this.devices.get(identity)!;
    return device.epoch === epoch ? device : undefined;
  }

  #end(device: ModelDevice, id: number, end: End): void {
    const command = device.slots[id - device.low];
    if (command === undefined) return;
    device.slots[id - device.low] = undefined;
    this.ends.push(`${command.name} ${end}`);
  }

  #inboxRoom(identity: string, text: string): boolean {
    const own = this.inbox.filter((row) => row.identity === identity);
    const { bounds, inbox } = this;
    return inbox.length < bounds.inboxRows && bytes(inbox) + text.length <= bounds.inboxBytes
      && own.length < bounds.inboxRowsPerDevice && bytes(own) + text.length <= bounds.inboxBytesPerDevice;
  }
}

function live(device: ModelDevice): Command[] {
  return device.slots.filter((command) => command !== undefined);
}

function bytes(rows: { text: string }[]): number {
  return rows.reduce((sum, { text }) => sum + text.length, 0);
}
