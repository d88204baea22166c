/**
 * What goes up by one connection, in order: a window of it in flight, the rest waiting. An answer counts only when all before it have
 * one, and what a lost connection leaves unanswered goes again with all that stood behind it. So a consumer that drops what is
 * not above the last it saw sees everything of a device once and in order.
 */
import { isTopicName } from '../topic-filter.js';
import type { Connection } from './connection.js';
import { Fifo } from './fifo.js';
import { DROPPED, type PublishProperties } from './packets.js';

export interface Content {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly properties: PublishProperties | undefined;
  readonly retain?: boolean;
  /** A part of the topic was given by a device or a sender. */
  readonly given?: boolean;
}

export interface Item {
  readonly identity: string;
  /** Connections that were lost while it was the oldest in flight. */
  losses: number;
  /** False: nobody wants to know any more; it is settled with DROPPED, unsent. */
  readonly wanted: boolean;
  /** Made when it goes, since what it may hold hangs on the connection. Undefined: nothing goes, but it keeps its place. */
  content(connection: Connection): Content | undefined;
  /** Called once with the broker's reason code, items of a lane in order. */
  settle(reason: number): void;
}

/** It is larger than this broker takes, or the connection was lost with it at the head once too often: like the reason codes. */
export const TOO_LARGE = 0x95;
const BAD_NAME = 0x90;
export const LOSES = 0x1_00;
const MOST_LOSSES = 3;

class Flight {
  readonly item: Item;
  /** Undefined: none yet. */
  reason: number | undefined;
  readonly #lane: Lane;

  constructor(lane: Lane, item: Item) {
    this.#lane = lane;
    this.item = item;
  }

  answered(reason: number): void {
    if (reason !== DROPPED) this.#lane.answered(this, reason); // else `down` follows, or was before
  }
}

export class Lane {
  readonly connection: Connection;
  readonly #window: number;
  readonly #waiting = new Fifo<Item>();
  #filling = false;
  #flight = new Fifo<Flight>();

  constructor(connection: Connection, window: number) {
    this.connection = connection;
    this.#window = window;
  }

  get size(): number {
    return this.#waiting.size + this.#flight.size;
  }

  push(item: Item): void {
    this.#waiting.push(item);
    this.#fill();
  }

  /** Another of this kind and identity is in flight: a status is no message. */
  flies({ identity, constructor }: Item): boolean {
    for (const { item } of this.#flight) if (item.identity === identity && item.constructor === constructor) return true;
    return false;
  }

  /** The connection stands. */
  up(): void {
    this.#fill();
  }

  /** It was lost, or ended: all of the flight goes again, from the oldest without an answer on. */
  down(): void {
    const flight = this.#flight;
    this.#flight = new Fifo();
    const again: Item[] = [];
    for (const { item } of flight) again.push(item);
    if (again.length === 0) return;
    const head = again[0]!;
    head.losses += 1;
    this.#waiting.unshift(again);
  }

  /** Not from inside itself: what is answered at once, by the thousand, would fill the stack. */
  #fill(): void {
    if (this.#filling) return;
    this.#filling = true;
    while (this.#next()) {
      // one after the other
    }
    this.#filling = false;
  }

  /** Sends one, if one may go. */
  #next(): boolean {
    const { connection } = this;
    if (!connection.isUp || this.#waiting.size === 0) return false;
    const item = this.#waiting.first!;
    // One that was at the head of two losses goes alone, so that the third speaks of it and of nothing else.
    const window = item.losses >= MOST_LOSSES - 1 ? 1 : Math.min(this.#window, connection.receiveMaximum);
    if (this.#flight.size >= window || this.#flight.first?.item.losses === MOST_LOSSES - 1) return false;
    this.#waiting.shift();
    const flight = new Flight(this, item);
    this.#flight.push(flight);
    this.#send(flight);
    return true;
  }

  #send(flight: Flight): void {
    const { connection } = this, { item } = flight;
    if (!item.wanted) return this.answered(flight, DROPPED);
    if (item.losses >= MOST_LOSSES) return this.answered(flight, LOSES);
    const content = item.content(connection);
    if (content === undefined) return this.answered(flight, 0);
    const { topic, payload, properties, retain, given } = content;
    // A broker may end the connection for a name that it does not bear, and with it the messages of all.
    if (given === true && !isTopicName(topic)) return this.answered(flight, BAD_NAME);
    if (!connection.fits(topic, payload, properties)) return this.answered(flight, TOO_LARGE);
    connection.publish(topic, payload, { retain: retain === true, properties }, flight);
  }

  /** For a flight. */
  answered(flight: Flight, reason: number): void {
    flight.reason = reason;
    const flights = this.#flight;
    let settled = false;
    while (flights === this.#flight && flights.first?.reason !== undefined) {
      const { item, reason: answer } = flights.shift()!;
      settled = true;
      item.settle(answer!);
    }
    if (settled) this.#fill();
  }
}
