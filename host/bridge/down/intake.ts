/**
 * Commands from the broker into the database, in groups: while one transaction is written, what comes collects for the next. PUBACK
 * follows the commit. Where the database is away it is withheld and the same group tried again; where the connection is lost the
 * broker hands everything over again.
 */
import { outlasting } from '../../gateway/outlast.js';
import type { Command, KeeperLease, TakenCommand } from '../../registry/bridge-types.js';
import type { Connection, Received } from '../connection.js';
import type { Shared } from '../context.js';
import { commandFor, openMessage } from './commands.js';
import { Posts } from './posts.js';

/** Commands of one transaction, or those of one message: by a rule it makes as many as the rule has devices. */
const AT_ONCE = 512;
/**
 * Commands, and bytes of their messages, that may wait in memory; beyond it the connection takes no more until half of it is committed. A broker of MQTT 3.1.1 knows no Receive
 * Maximum, and mosquitto 2.0.11 forgets it for what it has queued: at the first PUBACK it sends all of that at once.
 */
const MOST_WAITING = 4_096;
const MOST_BYTES = 16 << 20;
const AGAIN_MS = 1_000;
const NOTHING = Buffer.alloc(0);
/** Of one command alone; then it is refused, if the database takes at least that. */
const MOST_FAILURES = 5;

function unwritable({ identity, made, deadline, once }: Command): Command {
  return {
    identity, made, deadline, once, topic: '', trust: 0, body: NOTHING, replaces: '', response: '', correlation: NOTHING, tlId: '',
    refusal: { how: 'refused', reason: 'the database does not take it' },
  };
}

interface Entry {
  readonly ackId: number;
  readonly serial: number;
  readonly bytes: number;
  /** Empty: nothing is to be queued, but its PUBACK keeps its place. */
  readonly commands: readonly Command[];
  /** Called when everything before it is committed. */
  readonly marker: string | undefined;
}

export interface IntakeOwner {
  readonly connection: Connection;
  readonly lease: KeeperLease | undefined;
  readonly agesUnknown: boolean;
  marker(nonce: string): void;
  /** Another has the lease. */
  superseded(): void;
}

export class Intake {
  readonly #shared: Shared;
  readonly #owner: IntakeOwner;
  readonly #posts: Posts;
  /** Bodies that are pushed once the end of their commands is committed. */
  readonly #pushes = new WeakMap<Command, Uint8Array>();
  readonly #over = new AbortController();
  #waiting: Entry[] = [];
  /** Of what waits; a message that makes no command counts as one, for its PUBACK. */
  #commands = 0;
  #bytes = 0;
  #running: Promise<void> | undefined;

  constructor(shared: Shared, owner: IntakeOwner) {
    this.#shared = shared;
    this.#owner = owner;
    this.#posts = new Posts(shared);
  }

  /** `direct`: it did not come by a rule alone. */
  received(message: Received, direct: boolean, fanOut: readonly string[]): void {
    const { topics, setup, host, counts } = this.#shared, owner = this.#owner;
    const { topic, ackId, serial, payload } = message;
    const parsed = direct ? topics.parse(topic) : undefined;
    if (ackId === 0) {
      if (parsed !== undefined && 'identity' in parsed) this.#posts.command(parsed.identity, parsed.sub, message);
      return;
    }
    const rules = { topics, secure: setup.secure, lifetime: setup.lifetime, agesUnknown: owner.agesUnknown, now: Math.floor(host.clock.unix()) };
    const commands: Command[] = [], opened = fanOut.length > 0 ? openMessage(message) : undefined;
    if (parsed !== undefined && 'problem' in parsed) counts.commandRefused('bad topic');
    if (parsed !== undefined && 'identity' in parsed) commands.push(this.#checked(commandFor(parsed.identity, parsed.sub, message, rules, opened), rules.now));
    for (const identity of fanOut) commands.push(this.#checked(commandFor(identity, topic, message, rules, opened), rules.now));
    if (parsed === undefined && fanOut.length === 0) counts.commandRefused(topics.isNews(topic) ? 'of a gateway' : 'no rule');
    const marker = parsed !== undefined && 'marker' in parsed ? parsed.marker : undefined;
    const entry: Entry = { ackId, serial, commands, marker, bytes: payload.length };
    this.#waiting.push(entry);
    this.#commands += weightOf(entry);
    this.#bytes += payload.length;
    if (this.#commands >= MOST_WAITING || this.#bytes > MOST_BYTES) owner.connection.hold();
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** The connection was lost: what is not committed comes again. */
  down(): void {
    this.#waiting = [];
    this.#commands = this.#bytes = 0;
  }

  async close(): Promise<void> {
    this.#over.abort();
    this.down();
    await this.#running;
  }

  /** A device of IoTSocket has no queue: its command ends as it is taken in, and is pushed once that is committed. */
  #checked(command: Command, now: number): Command {
    const { identity, refusal, deadline, body } = command, { registry, gateway } = this.#shared.host;
    if (registry.protocol(identity) !== 'iotsocket' || refusal !== undefined) return command;
    const ended: Command = { ...command, body: Buffer.alloc(0), refusal: endOfPush(gateway.device(identity) !== undefined, deadline <= now) };
    if (ended.refusal!.how === 'in doubt') this.#pushes.set(ended, body);
    return ended;
  }

  async #run(): Promise<void> {
    const owner = this.#owner;
    await new Promise((resolve) => setImmediate(resolve)); // what came in the same turn goes together
    while (this.#waiting.length > 0) {
      await this.#take(this.#next());
      if (this.#commands <= MOST_WAITING / 2 && this.#bytes <= MOST_BYTES / 2) owner.connection.release();
    }
  }

  /** Those of the next transaction. */
  #next(): Entry[] {
    let count = 0, commands = 0;
    for (const entry of this.#waiting) {
      const weight = weightOf(entry);
      if (count > 0 && commands + weight > AT_ONCE) break;
      count += 1;
      commands += weight;
      this.#bytes -= entry.bytes;
    }
    this.#commands -= commands;
    return this.#waiting.splice(0, count);
  }

  async #take(group: readonly Entry[]): Promise<void> {
    const { host } = this.#shared, owner = this.#owner, { registry } = host;
    const { serial } = group[0]!;
    let commands = group.flatMap((entry) => entry.commands), taken: TakenCommand[] | undefined;
    for (let failures = 1; ; failures++) {
      const { lease } = owner;
      if (lease === undefined || this.#over.signal.aborted || !owner.connection.serves(serial)) return;
      try {
        taken = commands.length === 0 ? [] : await outlasting(registry, this.#over.signal, () => registry.bridge.intake(lease, commands));
        break;
      } catch (error) {
        if (this.#over.signal.aborted) return;
        host.failed(error);
        if ((error as { code?: unknown }).code === 'DATABASE_FAILED') {
          // One of them may be what the database does not take: it must not hold back the others, nor itself for ever.
          if (group.length > 1) {
            for (const entry of group) await this.#take([entry]);
            return;
          }
          if (failures >= MOST_FAILURES) commands = commands.map(unwritable);
        }
        await new Promise<void>((resolve) => void host.clock.after(AGAIN_MS, resolve, false));
      }
    }
    if (taken === undefined) {
      owner.superseded();
      return;
    }
    owner.connection.acknowledge(serial, group.map(({ ackId }) => ackId));
    taken.forEach((outcome, i) => this.#told(commands[i]!, outcome));
    for (const { marker } of group) if (marker !== undefined) owner.marker(marker);
  }

  #told(command: Command, { how, next }: TakenCommand): void {
    const { counts, host } = this.#shared, { identity, deadline } = command, push = this.#pushes.get(command);
    if (push !== undefined && how === 'in doubt') {
      this.#posts.push(identity, push);
    } else if (how === 'queued') {
      counts.commands += 1;
      host.queued(identity, next, Math.max(0, deadline - host.clock.unix()));
    } else if (how === 'repeat') counts.repeats += 1;
    else counts.commandRefused(how);
  }
}

function weightOf({ commands }: Entry): number {
  return Math.max(1, commands.length);
}

/** Never delivered: nothing acknowledges. Once it is pushed nobody can know more than that it may have been obeyed. */
function endOfPush(connected: boolean, late: boolean): NonNullable<Command['refusal']> {
  if (late) return { how: 'expired', reason: 'its lifetime was over when it came' };
  if (!connected) return { how: 'refused', reason: 'the device is not connected; it speaks IoTSocket, which has no queue' };
  return { how: 'in doubt', reason: 'pushed; the device speaks IoTSocket, which has no acknowledgement' };
}
