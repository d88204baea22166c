/**
 * Every error that Tidelock gives on purpose. `code` is stable, made for programs; the message is made for people and
 * says what was wrong, where, and what to do. A wrong type or value of an argument that only a programmer can pass
 * is a TypeError or RangeError instead.
 *
 * A new code is one line here and one section in docs/errors.md; test/errors.test.ts holds the two together.
 */

/** `code: [what was wrong, what to do]`. `{name}` stands for a detail that the thrower gives; never a key or a proof. */
export const ERRORS = {
  // ---- What the caller gave ----
  BAD_ADDRESS: ['{problem} in the address {address}', 'Write it as tidelock://host or tidelock://host:port, with TLS tidelocks://; without a port it is 8433.'],
  BAD_IDENTITY: ['the identity {identity} {problem}', 'Use `id` or `realm/id`, 1 to 64 bytes of UTF-8 without +, #, control characters or a leading $.'],
  BAD_KEY: ['the key of {of} {problem}', 'A key is 32 random bytes, or their 64 hexadecimal digits in a key file; `tidelock keygen` makes one.'],
  BAD_TOPIC: ['the topic {topic} {problem}', 'Use 1 to 255 bytes of UTF-8 without +, # or control characters, with / between its levels, such as `temp/inlet`.'],
  BAD_OPTION: ['option {option} is {value}, but {expected}', 'Correct the option where it is set.'],
  UNKNOWN_OPTION: ['unknown option {option} in {where}', 'Remove it or correct its spelling; known there: {known}.'],
  CONFIG_INVALID: ['{count} in the configuration: {faults}', 'Correct them all; flags win over the environment, and that wins over the file.'],
  TOO_LONG: ['a body of {bytes} bytes is longer than the {largest} that the receiver takes', 'Split it, or raise `largest` at the receiver (at most 16383).'],

  // ---- Listening and connecting ----
  PORT_IN_USE: ['port {port} at {host} is in use by another program', 'Stop that program (perhaps an earlier gateway), or listen at another port, tidelock://{host}:PORT.'],
  PORT_FORBIDDEN: ['this user may not listen at port {port} of {host}', 'Choose a port of 1024 or above, or grant the process the right to low ports.'],
  LISTEN_FAILED: ['cannot listen at {address}: {reason}', 'Listen at an address that this machine has; 0.0.0.0 or [::] stands for all.'],
  DISCOVERY_FAILED: ['discovery cannot be answered at UDP port {port}: {reason}', 'Another program may have the port: stop it, or run without `discovery` and give the devices the address.'],
  NOTHING_FOUND: ['no gateway answered within {ms} ms', 'A gateway answers where it runs with `--discovery NAME`, and on its own link alone; firewalls may drop multicast to UDP port 8434.'],
  SNTP_LISTEN_FAILED: ['SNTP cannot be answered at {address}: {reason}', 'Another program, such as the NTP server of this machine, may have the port, and ports below 1024 need a right: choose another address.'],
  SERIAL_FAILED: ['the serial port {path} cannot be opened: {reason}', 'Check its name, that it is plugged in, that no other program has it, and that this user may use it (on Linux: group dialout).'],
  HOST_UNKNOWN: ['the name {host} cannot be resolved: {reason}', 'Check the spelling, and the name server of this machine.'],
  HOST_UNREACHABLE: ['no connection to {address}: {reason}', 'Check that a gateway runs there, that address and port are right, and that no firewall is between.'],
  CONNECT_TIMEOUT: ['no connection to {address} in {ms} ms', 'Check that the address is right and no firewall drops the packets, or raise `connectTimeout`.'],
  LINK_LOST: ['the connection to {peer} was lost: {reason}', 'Nothing: a device reconnects by itself. If it happens often, check the network between the two.'],

  // ---- TLS ----
  CERTIFICATE_NAME: ['the certificate of {address} is for another name: {reason}', 'Connect by a name that it holds, or say by `servername` (--server-name) which one to expect.'],
  CERTIFICATE_EXPIRED: ['the certificate of {address} {problem}', 'Renew it at the gateway; if it is good, set the clock of this machine.'],
  CERTIFICATE_UNTRUSTED: ['the certificate of {address} is {problem}', 'Give the certificate of its authority as `ca` (--ca), or pin its key by `pins` (--pin) as `tidelock cert` printed it at the gateway.'],
  CERTIFICATE_PIN: ['the certificate of {address} has the key {found}, which is not pinned', 'If the gateway has a new key, compare it there and pin it; otherwise someone stands between.'],
  TLS_PROTOCOL: ['{address} speaks TLS, but not tidelock/1 inside it', 'Check host and port: another service answers there, or a proxy that does not pass ALPN on.'],
  TLS_FAILED: ['TLS with {address} failed: {reason}', 'Check that the port speaks TLS: a gateway that listens at tidelock:// alone does not. Its log says more.'],
  TLS_EXPECTED: ['{address} speaks TLS', 'Connect to it by tidelocks:// in place of tidelock://.'],
  CERTIFICATE_UNREADABLE: ['the certificate or key file {file} cannot be read: {reason}', 'Check its path and owner; `tidelock cert` makes a certificate for the local network.'],
  CERTIFICATE_INVALID: ['{file} {problem}', '{remedy}'],

  // ---- The session ----
  HANDSHAKE_REFUSED: ['{address} did not prove that it holds the key of {identity}', 'One of three: the key is not the one of this identity, the gateway does not know the identity or has disabled it, or it is not the gateway. Compare with `tidelock devices list` there.'],
  HANDSHAKE_TIMEOUT: ['{address} did not answer the handshake in time', 'Check that a Tidelock gateway listens at this port. A gateway is silent towards a device whose proof is wrong: compare identity and key.'],
  HANDSHAKE_CLOSED: ['{address} closed the connection before the handshake was over', 'It may be full, have had too many HELLOs from this network, allow none of the offered suites, or be no Tidelock gateway: look at its log.'],
  ROUND_TRIP_TOO_LONG: ['the handshake with {address} took longer than the {ms} ms that this device allows', 'On a slow link raise `roundTrip`; half of it adds to the age that a frame may have.'],
  PROTOCOL_BROKEN: ['{peer} broke the protocol: {reason}', 'Check that both ends run versions that fit; otherwise someone changed bytes on the way.'],
  TAKEN_OVER: ['another session of {identity} took the place of this one', 'If it happens again and again, two devices use one identity: give each its own.'],
  DISABLED: ['the gateway has disabled {identity}', 'Enable it at the gateway, or take this device out of service.'],
  GATEWAY_BUSY: ['the gateway has no room for this session now', 'Nothing: the device comes back by itself. If it lasts, raise the limits of the gateway.'],
  GATEWAY_CLOSED: ['the gateway ended the session: {reason}', 'Nothing: the device comes back by itself.'],
  CLOCK_WRONG: ['the clock of this machine is wrong: {problem}', 'Set it (with NTP, for example) and start again; the time of every frame depends on it.'],

  // ---- The end of a message ----
  EXPIRED: ['the message was given up {ms} ms after it was made', 'The other side was away, or too slow, for longer than its lifetime: send it again, or give it a longer `lifetime`.'],
  REFUSED: ['the other side refused the message', 'The handler of the receiver threw: look at its log.'],
  NO_TARGET: ['the other side does not know this kind of message', 'It runs an older version: update it.'],
  IN_DOUBT: ['the message was sent and never acknowledged: its lifetime is over, or the other side lost its record', 'It may or may not have been acted on: find out, then send again if need be. `doubt: "repeat"` sends again by itself, marked as a repeat.'],
  QUEUE_FULL: ['the queue towards {to} is full ({bound})', 'Send more slowly, wait for acknowledgements, or raise the bound.'],
  CANCELLED: ['the message was cancelled before it was acknowledged', 'Nothing: its AbortSignal was aborted, or it was taken out of the queue.'],
  CLOSED: ['{what} is closed', 'Make a new one; a closed one cannot be opened again.'],
  NO_ACKNOWLEDGEMENT: ['{identity} speaks IoTSocket, which has no acknowledgements', 'Use `post`, which promises nothing; where the device must answer, let it say so in a message of its own.'],
  NO_QUEUE: ['{identity} is not connected, and nothing waits for it: IoTSocket devices have no queue', 'Send it again once the device is connected.'],
  IOTSOCKET_BODY: ['a body {problem}', 'IoTSocket carries text of 6 to 59,999 characters without |#|: encode or split it.'],
  IOTSOCKET_CLOSED: ['{address} closed the connection of {identity} without a word', 'IoTSocket gives no reasons. Compare identity and key, set the clocks (they may be less than 3 s apart), and look whether the identity is connected already.'],
  NOT_DURABLE: ['{what} needs a registry, and this gateway has none', 'Open the gateway with a `registry`, or use the `message` event.'],

  // ---- Failures on the way ----
  HANDLER_FAILED: ['a handler of a message threw: {reason}', 'Correct the handler; `cause` is what it threw. A message that wanted an acknowledgement was refused.'],
  RECORD_FAILED: ['the `{call}` of the device record failed: {reason}', 'Check the storage behind it; `cause` is what it threw. Until it works, messages are answered with busy.'],
  COMMIT_FAILED: ['messages of devices could not be committed: {reason}', 'Look at `cause`, usually the database. Nothing is lost: the devices were told busy and send again.'],
  LOOKUP_FAILED: ['the `lookup` of {identity} failed: {reason}', 'Look at `cause`; it must answer within `limits.lookupTimeout`. The device was turned away and comes again.'],

  BROKER_REFUSED: ['the broker refuses a message to {topic}: {reason}', 'Look at the rights that it gives to the gateway, and at its limits.'],

  // ---- Registry ----
  DATABASE_LOCKED: ['the database {database} is locked by another process', 'End the other process: one gateway a database. `tidelock send` and `tidelock devices` use the running gateway.'],
  DATABASE_CORRUPT: ['the database {database} is damaged: {reason}', 'Stop the gateway, keep a copy of the file, and restore a backup.'],
  DATABASE_NEWER: ['the database {database} has version {found}, this program knows up to {known}', 'Run the newer version of Tidelock that wrote it, or restore a backup made before the update.'],
  DATABASE_FAILED: ['the database {database} failed: {reason}', 'Check that its folder exists and is writable, and that the disk has room.'],
  DATABASE_UNREACHABLE: ['the database {database} cannot be reached: {reason}', 'Check that the server runs, and that host, port, user, password and database are right. A gateway that runs seeks it by itself, and tells its devices busy until it is back.'],
  DRIVER_MISSING: ['no driver for {kind}: {reason}', 'Run `{command}`.'],
  DEVICE_EXISTS: ['the device {identity} exists already', 'Choose another identity, or use the key that it was given.'],
  KEY_STATE: ['the key {key} of {identity} {problem}', 'Look at `tidelock devices keys` of it; a key ends by `devices retire` or `devices revoke`.'],
  DEVICE_UNKNOWN: ['there is no device {identity}', 'Check the spelling with `tidelock devices list`, or add it with `tidelock devices add`.'],

  MASTER_KEY_MISSING: ['the keys in the database {database} are wrapped under a master key, and none was given', 'Give it: --master-key-file, or TIDELOCK_MASTER_KEY in the environment; in code the option `masterKey`. Without it the keys are lost, and devices need new ones.'],
  MASTER_KEY_WRONG: ['the master key that was given is not the one of the database {database}', 'Give the one that its keys were wrapped under last; after `tidelock registry rewrap` that is the new one, and a backup of before still has the old.'],
  KEYS_NOT_WRAPPED: ['a master key was given, but the keys in the database {database} are not wrapped', 'Wrap them once with `tidelock registry wrap`, while no gateway runs, or take the setting away.'],

  // ---- The installation ----
  CORE_MISSING: ['{file} is missing', 'Run `npm run build` in a checkout, or install the package again.'],
  CORE_VERSION: ['{file} has ABI version {found}, this program needs {needed}', 'Core and package come from different versions: build both with `npm run build`, or install again.'],
  CORE_FAILED: ['the core returned {status} from {call}', 'This is a fault of Tidelock: please report it with this message.'],
  FIRMWARE_INCOMPLETE: ['the package holds no {what}', '{remedy}'],

  // ---- The command ----
  KEY_FILE_UNREADABLE: ['the key file {file} cannot be read: {reason}', 'Check its path and owner; `tidelock devices add` prints the key of a device once.'],
  KEY_FILE_MODE: ['others may read the key file {file} (mode {mode})', 'Run `chmod 600` on it, and think of the key as known to all who could read it.'],
  KEY_FILE_EXISTS: ['the key file {file} exists already', 'Choose another name: a key file is never overwritten, it may hold the only copy of a key.'],
  KEY_FILE_UNWRITABLE: ['the key file {file} cannot be written: {reason}', 'Check that its folder exists and belongs to this user.'],
  INPUT_INVALID: ['{what} {problem}', '{remedy}'],
  IMPORT_INVALID: ['{count} in {file}, nothing was imported: {faults}', 'Correct them all and import it again; `tidelock devices import --help` has the form of the file.'],
  OUTPUT_FAILED: ['stdout cannot be written: {reason}', 'Check the disk or program that it goes to; what was not written stays in the inbox.'],
  CONTROL_PATH: ['the control socket {socket} {problem}', '{remedy}'],
  BACKEND_FAILED: ['the backend {command} could not be run: {reason}', 'Try the command in a shell, as the same user and in the same folder: --backend is run by the shell of the system.'],
  BACKEND_LINE: ['line {line} from the backend is wrong: {problem}', 'Correct the program; docs/backends.md has the form of every line.'],
  BACKEND_GIVEN_UP: ['the backend was given up: {problem}', 'Correct the program: its first line must be ready, and what it prints beside the protocol belongs on stderr.'],
  BACKEND_TAKEN: ['another backend has the messages', 'End that one first, or say `"messages":false` in ready where this one only sends.'],
  BACKEND_SOCKET: ['the backend socket {socket} {problem}', '{remedy}'],
  GATEWAY_NOT_RUNNING: ['no gateway answers at {socket}', 'Start it with `tidelock serve`, with the same --database and as the same user.'],
  GATEWAY_RUNNING: ['a gateway already answers at {socket}', 'Stop it first, or give this one another --database.'],
  CONTROL_FAILED: ['the running gateway did not do it: {reason}', 'Look at its log; it may be another version.'],
} as const satisfies Record<string, readonly [problem: string, action: string]>;

/** Every value of `code`. */
export type ErrorCode = keyof typeof ERRORS;

type Names<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type DetailNames<Code extends ErrorCode> = Names<(typeof ERRORS)[Code][0]> | Names<(typeof ERRORS)[Code][1]>;

/** What the texts of `Code` need filled in. */
export type ErrorDetails<Code extends ErrorCode> = Readonly<Record<DetailNames<Code>, string | number>>;

/** `(code, details, { cause })`; codes whose texts have no gaps take no details: `(code)` or `(code, {}, { cause })`. */
export type ErrorArguments = {
  [Code in ErrorCode]: [DetailNames<Code>] extends [never]
    ? [code: Code, details?: Readonly<Record<string, never>>, options?: ErrorOptions]
    : [code: Code, details: ErrorDetails<Code>, options?: ErrorOptions];
}[ErrorCode];

export class TidelockError extends Error {
  /** Stable, one of docs/errors.md. */
  readonly code: ErrorCode;
  /** What was wrong and where, without a full stop. */
  readonly problem: string;
  /** What to do about it, in full sentences. */
  readonly action: string;
  /** The values that the texts were filled with, for programs and structured logs. */
  readonly details: Readonly<Record<string, string | number>>;

  constructor(...[code, details = {}, options]: ErrorArguments) {
    const [problem, action] = ERRORS[code].map((template) => fill(template, details)) as [string, string];
    super(`${problem}. ${action}`, options);
    this.code = code;
    this.problem = problem;
    this.action = action;
    this.details = details;
  }

  static {
    this.prototype.name = 'TidelockError'; // on the prototype, as with the built-in errors: not an own, printed property
  }
}

function fill(template: string, details: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (gap, name: string) => String(details[name] ?? gap));
}
