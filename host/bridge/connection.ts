/**
 * One connection to the broker, sought again for as long as it is wanted. Each try has a client of the library of its own, so nothing of a
 * lost one is sent again by the library: what is to be sent again is known where it is kept. MQTT 5 is tried first, then 3.1.1.
 */
import { TLSSocket } from 'node:tls';
import type { IClientOptions, IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import type { Clock, ClockTimer } from '../clock.js';
import { takeAnswers } from './answers.js';
import { faultOf, type Fault } from './fault.js';
import { identifierOf } from './identifiers.js';
import type { MqttLibrary } from './library.js';
import { DROPPED, packetBytes, type PublishProperties, wordsFit } from './packets.js';
import { LAST_ID, mostBytes, Publisher, type Answered } from './publisher.js';
import { openSocket } from './socket.js';

/** ms between tries: doubled from the first to the last, each of them at random between half of it and all. */
const FIRST_WAIT = 250;
const LAST_WAIT = 10_000;
/** ms that a connection must have stood before the next wait is the first again: another that takes our client id would else go to and fro with us. */
const GOOD = 5_000;
const CONNECT_TIMEOUT = 10_000;
const KEEPALIVE_S = 15;
/** Largest packet taken where the broker lets us say so (MQTT 5): a command is 16 KiB at most, and a bound there must be. */
const LARGEST_PACKET = 1 << 20;
/** Bytes that may wait in the socket before what wants no acknowledgement is dropped. */
const MOST_UNSENT = 1 << 20;
const MOST_PACKET = 0x0fff_ffff + 5;
/** Answers that may be missing: fewer than there are packet identifiers of ours. */
const MOST_FLYING = LAST_ID - 1_000;
const CLOSED: Fault = { reason: 'the broker closed the connection', remedy: '' };
const silent = (): void => undefined;

export interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
}

export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly properties: NonNullable<IPublishPacket['properties']>;
  /** 0: it wants no acknowledgement. */
  readonly ackId: number;
  /** The try by which it came: it can be acknowledged there alone. */
  readonly serial: number;
}

export interface ConnectionSetup {
  readonly library: MqttLibrary;
  readonly url: string;
  readonly clientId: string;
  /** False: the broker keeps subscriptions and what comes under them while we are away. */
  readonly clean: boolean;
  readonly credentials: Credentials;
  readonly protocol: 'auto' | 5 | 4;
  /** Messages that the broker may leave unacknowledged towards us, where it lets us say so. */
  readonly receiveMaximum: number;
  readonly clock: Clock;
  will?(): { topic: string; payload: string };
  /** Asked before each try; false: not now. */
  may?(): Promise<boolean>;
  up(session: { present: boolean }): void;
  /** It was up, or could not be brought up. Told once for each try. */
  down(fault: Fault, wasUp: boolean): void;
  received?(message: Received): void;
}

export class Connection {
  readonly #setup: ConnectionSetup;
  #client: MqttClient | undefined;
  #publisher: Publisher | undefined;
  #up = false;
  #version: 5 | 4;
  #wait = FIRST_WAIT;
  #upAt = 0;
  #timer: ClockTimer | undefined;
  #closed = false;
  /** Of the try. */
  #serial = 0;
  #held = false;
  /** Goes on with the packet behind the one that was held. */
  #goOn: (() => void) | undefined;
  /** What CONNACK allows. */
  receiveMaximum = MOST_FLYING;
  maximumPacket = MOST_PACKET;
  #identifies = false;

  constructor(setup: ConnectionSetup) {
    this.#setup = setup;
    this.#version = setup.protocol === 4 ? 4 : 5;
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** What came by this try can still be acknowledged. */
  serves(serial: number): boolean {
    return this.#up && serial === this.#serial;
  }

  get version(): 5 | 4 {
    return this.#version;
  }

  /** Over TLS: when the broker's certificate ends, and ours, Unix ms; undefined: there is none. */
  certificateEnds(): { broker: number | undefined; own: number | undefined } {
    const stream = this.#client?.stream, end = (certificate: { valid_to?: string } | null): number | undefined => (certificate?.valid_to === undefined ? undefined : Date.parse(certificate.valid_to));
    return stream instanceof TLSSocket ? { broker: end(stream.getPeerCertificate()), own: end(stream.getCertificate()) } : { broker: undefined, own: undefined };
  }

  open(): void {
    void this.#try();
  }

  /** False: it is longer than the broker takes. */
  fits(topic: string, payload: Buffer | string, properties: PublishProperties | undefined): boolean {
    return wordsFit(topic, properties) && (mostBytes(topic, payload, properties) <= this.maximumPacket || packetBytes(topic, payload, properties) <= this.maximumPacket);
  }

  /** At QoS 1. `answer` hears DROPPED at once where the connection is down. */
  publish(topic: string, payload: Buffer | string, { retain = false, properties }: { retain?: boolean; properties?: PublishProperties | undefined }, answer: Answered): void {
    const publisher = this.#publisher;
    if (!this.#up || publisher === undefined) answer.answered(DROPPED);
    else publisher.publish(topic, payload, retain, properties, answer);
  }

  /** Rejected where the broker refuses it. One filter: what comes by it says so, where the broker can (`cameBy`). */
  subscribe(filters: readonly string[], qos: 0 | 1, commands = false): Promise<void> {
    const client = this.#client;
    if (client === undefined) return Promise.reject(new Error('not connected'));
    const named = this.#identifies && filters.length === 1 ? { properties: { subscriptionIdentifier: identifierOf(filters[0]!) } } : {};
    // Commands: the retain flag comes as it was published, so that a retained one is known; a session that stands gets none again.
    const options = this.#version === 4 ? { qos } : commands ? { qos, rap: true, rh: 1, ...named } : { qos, rh: 2, ...named };
    return new Promise((resolve, reject) => {
      client.subscribe([...filters], options, (error, granted) => {
        if (error) reject(error);
        else if (granted?.some(({ qos: got }) => got > 2) === true) reject(new Error('the broker refuses the subscription'));
        else resolve();
      });
    });
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    const client = this.#client;
    if (client === undefined) return Promise.resolve();
    return new Promise((resolve) => client.unsubscribe([...filters], () => resolve()));
  }

  /**
   * PUBACKs, in one write: the library would hold back each message until the one before is answered, and a commit in groups needs
   * many at once. Four bytes each in both versions (MQTT 5.0, section 3.4.2.1: success needs no reason code).
   */
  acknowledge(serial: number, ids: readonly number[]): void {
    if (!this.serves(serial) || ids.length === 0) return;
    const bytes = Buffer.alloc(4 * ids.length);
    ids.forEach((id, i) => bytes.writeUInt32BE(((0x4002 << 16) | id) >>> 0, 4 * i));
    this.#publisher!.write(bytes);
  }

  /** Takes no more packets until `release`: what the broker goes on to send stays in the system's buffers, and then at the broker. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    const goOn = this.#goOn;
    this.#held = false;
    this.#goOn = undefined;
    goOn?.();
  }

  /** Without acknowledgement. False: it did not leave. */
  post(topic: string, payload: Buffer | string, properties: PublishProperties | undefined): boolean {
    const client = this.#client, publisher = this.#publisher;
    if (!this.#up || client === undefined || publisher === undefined || client.stream.writableLength > MOST_UNSENT || !this.fits(topic, payload, properties)) return false;
    publisher.publish(topic, payload, false, properties, undefined);
    return true;
  }

  /** Ends the connection, and comes again. */
  drop(): void {
    this.#client?.end(true);
  }

  /** Parts in order. */
  close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const client = this.#client, wasUp = this.#up;
    this.#up = false;
    this.#publisher?.flush();
    if (client === undefined) return Promise.resolve();
    const { stream } = client;
    return new Promise((resolve) => {
      // A broker that stands still does not close its end: the socket would keep the process for ever.
      const timer = this.#setup.clock.after(1_000, () => {
        client.end(true);
        stream.destroy();
        resolve();
      }, true);
      const gone = (): void => {
        timer.cancel();
        resolve();
      };
      stream.once('close', gone);
      client.end(!wasUp, () => {
        if (stream.destroyed) gone();
      });
    });
  }

  async #try(): Promise<void> {
    const { may } = this.#setup;
    const allowed = may === undefined || (await may());
    if (this.#closed) return;
    if (!allowed) return this.#later(LAST_WAIT / 5);
    const answered = (id: number, reason: number): void => {
      if (client === this.#client) this.#publisher?.acknowledged(id, reason);
    };
    const client = this.#open(answered);
    this.#client = client;
    const serial = ++this.#serial;
    let fault: Fault | undefined, refused = false;
    const held = new WeakSet<object>(), early: Received[] = [];
    client.on('connect', (packet) => {
      this.#connected(client, packet);
      if (this.#up && client === this.#client) for (const message of early.splice(0)) this.#setup.received?.(message);
    });
    client.on('error', (error: Error & { code?: unknown }) => {
      fault ??= faultOf(error, this.#setup.credentials.cert !== undefined);
      refused ||= error.code === 1 || error.code === 132; // the protocol version
    });
    client.on('disconnect', ({ reasonCode }) => (fault ??= { reason: `the broker ended it with reason 0x${(reasonCode ?? 0).toString(16)}`, remedy: '' }));
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback') return answered(packet.messageId!, packet.reasonCode ?? 0);
      if (packet.cmd !== 'publish' || packet.qos !== 1) return;
      held.add(packet);
      packet.qos = 0; // acknowledged by `acknowledge`, not by the library
    });
    client.on('message', (topic, payload, packet) => {
      if (client !== this.#client) return;
      const { retain, properties = {}, messageId = 0 } = packet;
      const message: Received = { topic, payload, retain, properties, ackId: held.has(packet) ? messageId : 0, serial };
      // What the broker has kept for us may come right behind CONNACK, before the library tells of that.
      if (this.#up) this.#setup.received?.(message);
      else early.push(message);
    });
    client.handleMessage = (_packet, done) => {
      if (this.#held && client === this.#client) this.#goOn = done;
      else done();
    };
    client.on('close', () => {
      if (client !== this.#client) return;
      this.#client = undefined;
      this.#held = false;
      this.#goOn = undefined;
      client.end(true);
      this.#lost(fault, refused);
    });
  }

  #open(answered: (id: number, reason: number) => void): MqttClient {
    const { library, url, clock } = this.#setup, reasons = this.#version === 5, { protocol, hostname, port } = new URL(url);
    if (protocol === 'mqtt:') {
      const missing = (): number => this.#publisher?.missing ?? 0, host = hostname.replace(/^\[|\]$/g, '');
      return new library.MqttClient(() => openSocket({ host, port: port === '' ? 1_883 : Number(port), reasons, clock, answered, missing }), this.#options());
    }
    const client = library.connect(url, this.#options());
    takeAnswers(client.stream, reasons, answered);
    return client;
  }

  #options(): IClientOptions {
    const { clientId, clean, credentials, receiveMaximum, will } = this.#setup;
    const { username, password, ca, cert, key } = credentials, five = this.#version === 5;
    const last = will?.();
    return {
      clientId, clean, protocolVersion: this.#version,
      reconnectPeriod: 0, connectTimeout: CONNECT_TIMEOUT, keepalive: KEEPALIVE_S, resubscribe: false, queueQoSZero: false,
      // It pings however much goes on: a timer set anew with each packet costs more. Its log costs even where it is off.
      reschedulePings: false, log: silent, messageIdProvider: new LibraryIds(),
      ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }),
      ...(last === undefined ? {} : { will: { topic: last.topic, payload: Buffer.from(last.payload), qos: 1, retain: true } }),
      ...(five ? { properties: { receiveMaximum, maximumPacketSize: LARGEST_PACKET, ...(clean ? {} : { sessionExpiryInterval: 0xffff_ffff }) } } : {}),
    };
  }

  #connected(client: MqttClient, packet: IConnackPacket): void {
    if (client !== this.#client || this.#closed) return;
    const { receiveMaximum, maximumPacketSize, subscriptionIdentifiersAvailable = true } = packet.properties ?? {};
    this.receiveMaximum = Math.min(receiveMaximum ?? MOST_FLYING, MOST_FLYING);
    this.maximumPacket = maximumPacketSize ?? MOST_PACKET;
    this.#identifies = this.#version === 5 && subscriptionIdentifiersAvailable;
    this.#publisher = new Publisher(client.stream, this.#version === 5, this.receiveMaximum);
    this.#up = true;
    this.#upAt = this.#setup.clock.now();
    this.#setup.up({ present: packet.sessionPresent });
  }

  #lost(fault: Fault | undefined, refused: boolean): void {
    const { protocol, clock } = this.#setup, wasUp = this.#up;
    this.#up = false;
    this.#publisher?.lost();
    this.#publisher = undefined;
    if (wasUp && clock.now() - this.#upAt >= GOOD) this.#wait = FIRST_WAIT;
    // A broker without MQTT 5 says so, or closes the connection without a word.
    if (!wasUp && protocol === 'auto' && (refused || fault === undefined)) {
      this.#version = this.#version === 5 ? 4 : 5;
      if (refused && this.#version === 4 && !this.#closed) return this.#later(0); // nothing is wrong
    }
    this.#setup.down(fault ?? CLOSED, wasUp);
    if (!this.#closed) this.#later(this.#wait * (0.5 + Math.random() / 2));
    this.#wait = Math.min(LAST_WAIT, 2 * this.#wait);
  }

  #later(ms: number): void {
    this.#timer = this.#setup.clock.after(ms, () => void this.#try(), true);
  }
}

/** Packet identifiers for what the library sends by itself: apart from ours. */
class LibraryIds {
  #id = LAST_ID;

  allocate(): number {
    return (this.#id = this.#id === 65_535 ? LAST_ID + 1 : this.#id + 1);
  }

  getLastAllocated(): number {
    return this.#id;
  }

  register(): boolean {
    return true;
  }

  deallocate(): void {
    // They come round.
  }

  clear(): void {
    // Each try has a client of its own.
  }
}
