/**
 * Loaded before a gateway as a control: TIDELOCK_SPOIL names a promise of the bridge that it breaks, and the run must show it.
 * `puback`: the broker hears PUBACK before the command stands in the queue; `ack`: a device hears ACK before its reading is committed;
 * `done`: a reading is done before the broker has acknowledged it; `twice`: a command that came before is not known again.
 */
import { setTimeout as pause } from 'node:timers/promises';

const dist = new URL('../../../dist/host/', import.meta.url);
/** ms between the promise and what it stands for. */
const LATE = 1_000;

/** @param {string} file @param {string} name */
const prototypeOf = async (file, name) => (await import(new URL(file, dist).href))[name].prototype;

switch (process.env.TIDELOCK_SPOIL) {
  case 'puback': {
    const connection = await prototypeOf('bridge/connection.js', 'Connection'), { subscribe } = connection;
    const intake = await prototypeOf('bridge/down/intake.js', 'Intake'), { received } = intake;
    /** @type {any} */
    let keeper;
    /** @this {unknown} @param {any[]} args */
    connection.subscribe = function (...args) {
      if (args[2] === true) keeper = this;
      return subscribe.apply(this, args);
    };
    /** @this {unknown} @param {{ serial: number, ackId: number }} message @param {unknown[]} rest */
    intake.received = function (message, ...rest) {
      keeper.acknowledge(message.serial, [message.ackId]);
      void pause(LATE).then(() => received.call(this, message, ...rest));
    };
    break;
  }
  case 'ack': {
    const groups = await prototypeOf('registry/groups.js', 'Groups'), { commit } = groups;
    /** @this {unknown} @param {unknown[]} messages @param {unknown[]} rest */
    groups.commit = async function (messages, ...rest) {
      void pause(LATE).then(() => commit.call(this, messages, ...rest)).catch(() => undefined);
      return messages.map(() => 'durable');
    };
    break;
  }
  case 'done': {
    const publisher = await prototypeOf('bridge/publisher.js', 'Publisher'), { publish } = publisher;
    /** @this {any} @param {any[]} args */
    publisher.publish = function (...args) {
      const answer = args[4];
      if (answer === undefined) return publish.apply(this, args);
      void pause(LATE).then(() => publish.call(this, ...args.slice(0, 4), { answered: () => undefined }));
      setImmediate(() => answer.answered(0));
    };
    break;
  }
  case 'twice': {
    const store = await prototypeOf('registry/bridge-store.js', 'SqlBridgeStore'), { intake } = store;
    /** @this {unknown} @param {unknown} lease @param {{ once: string }[]} commands @param {unknown[]} rest */
    store.intake = function (lease, commands, ...rest) {
      return intake.call(this, lease, commands.map((command) => ({ ...command, once: '' })), ...rest);
    };
    // A late PUBACK breaks nothing, and makes it likely that a command comes again.
    const connection = await prototypeOf('bridge/connection.js', 'Connection'), { acknowledge } = connection;
    /** @this {unknown} @param {number} serial @param {number[]} ids */
    connection.acknowledge = function (serial, ids) {
      void pause(LATE).then(() => acknowledge.call(this, serial, ids));
    };
    break;
  }
  default:
    throw new Error(`TIDELOCK_SPOIL is ${process.env.TIDELOCK_SPOIL}: no such promise`);
}
