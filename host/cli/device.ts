/** `tidelock device`: a device in the shell. Lines of stdin go to the gateway, what comes from it goes to stdout. */
import { readFileSync } from 'node:fs';
import { Device } from '../device/index.js';
import { LARGEST_ACKNOWLEDGED as LARGEST_LINE, checkTopic } from '../options.js';
import type { DeviceMessage, DeviceSending, DeviceState, DeviceTls, Suite } from '../device/types.js';
import { TidelockError } from '../errors.js';
import { parseAddress } from '../transport/address.js';
import { showDuration } from './duration.js';
import { escapeText, safeJson } from './escape.js';
import { EXIT_NOT_DELIVERED, EXIT_OK } from './exits.js';
import { parts, tell, type Manner } from './failure.js';
import { readKeyFile } from './key-file.js';
import { LineSplitter } from './lines.js';
import { jsonLine, textLine } from './message-line.js';
import { Output, OutputClosed } from './output.js';
import { openRecord } from './record-file.js';
import { onStop } from './stop.js';

export interface DeviceCommandOptions {
  id: string;
  keyFile: string;
  keyId: number;
  /** Stay when stdin has ended. */
  listen: boolean;
  /** ms after which a line is given up. */
  lifetime: number;
  suites: Suite[];
  /** The topic of every line; `in-line`: each line begins with its own and a tab. Undefined: none. */
  topic: { of: 'all'; name: string } | { of: 'line' } | undefined;
  /** `ca`: a file, or 'system'. */
  trust: { ca: string | undefined; pins: string[] | undefined; servername: string | undefined };
  /** Where the record of what was taken is kept. */
  recordFile: string | undefined;
  manner: Manner;
}

/** Lines and bytes on their way, beyond which stdin waits; well within the outbox's own bounds. */
const MOST_WAITING = { messages: 1_000, bytes: 512 * 1024 };

/** ms for a gateway to answer CLOSE. */
const FAREWELL = 1_000;

/** Returns the exit code. Throws what keeps it from starting: a bad address, key file or identity. */
export async function runDevice(urls: readonly string[], options: DeviceCommandOptions): Promise<number> {
  for (const url of urls) parseAddress(url);
  if (options.topic?.of === 'all') checkTopic(options.topic.name);
  const tls = readTrust(options.trust);
  const record = options.recordFile === undefined ? {} : { record: openRecord(options.recordFile) };
  const key = readKeyFile(options.keyFile);
  let device: Device;
  try {
    device = new Device({
      url: urls,
      id: options.id,
      key,
      keyId: options.keyId,
      lifetime: options.lifetime,
      suites: options.suites,
      ...(tls === undefined ? {} : { tls }),
      ...record,
      start: false,
    });
  } finally {
    key.fill(0);
  }
  const output = new Output();
  const { manner } = options;
  const stop = new AbortController();
  let outputFault: Error | undefined;
  output.onFailure((error) => {
    outputFault = error;
    stop.abort();
  });
  let before = '';
  device.on('state', (state) => {
    before = tellState(state, before, manner);
  });
  device.on('error', (error) => void tell(error, manner));
  // The device waits for the listener's promise: it decides the acknowledgement.
   
  device.on('message', (message) => print(message, output, manner));
  onStop(() => stop.abort());
  try {
    device.connect();
    const failed = await sendLines(device, process.stdin, stop.signal, options);
    if (options.listen && !stop.signal.aborted) await aborted(stop.signal);
    await device.close({ drain: outputFault === undefined ? FAREWELL : 0 });
    if (outputFault !== undefined && !(outputFault instanceof OutputClosed)) throw outputFault;
    return failed === 0 ? EXIT_OK : EXIT_NOT_DELIVERED;
  } finally {
    process.stdin.destroy(); // a terminal or an open pipe would keep the process alive
    await device.close({ drain: 0 });
  }
}

function readTrust({ ca, pins, servername }: DeviceCommandOptions['trust']): DeviceTls | undefined {
  if (ca === undefined && pins === undefined && servername === undefined) return undefined;
  return {
    ...(ca === undefined ? {} : { ca: ca === 'system' ? ca : readCa(ca) }),
    ...(pins === undefined ? {} : { pins }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function readCa(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new TidelockError('CERTIFICATE_UNREADABLE', { file, reason: (cause as Error).message }, { cause });
  }
}

/** A message counts as handled, and is acknowledged, once its line is written. */
async function print(message: DeviceMessage, output: Output, { json }: Manner): Promise<void> {
  try {
    await output.line(json ? jsonLine(message) : textLine(message));
  } catch {
    // Not printed, so neither acknowledged nor refused: left open until the device closes.
    await new Promise(() => undefined);
  }
}

/** Sends every line and waits for every acknowledgement; returns how many lines did not arrive. */
async function sendLines(device: Device, input: NodeJS.ReadableStream, signal: AbortSignal, { manner, topic }: DeviceCommandOptions): Promise<number> {
  const pending = new Set<Promise<void>>();
  const lines: (Buffer | undefined)[] = [];
  let number = 0;
  let failed = 0;
  const fail = (line: number, error: unknown): void => {
    failed += 1;
    tellLine(line, error, manner);
  };
  const splitter = new LineSplitter(LARGEST_LINE, { line: (line) => lines.push(line), tooLong: () => lines.push(undefined) });
  const flush = async (): Promise<void> => {
    while (lines.length > 0 && !signal.aborted) {
      const line = lines.shift();
      const at = (number += 1);
      if (line === undefined) fail(at, new TidelockError('TOO_LONG', { bytes: `more than ${LARGEST_LINE}`, largest: LARGEST_LINE }));
      if (line === undefined || line.length === 0) continue;
      while (isFull(device) && pending.size > 0) await Promise.race(pending);
      try {
        const sent = sendLine(device, line, topic).acknowledged.catch((error: unknown) => fail(at, error));
        const entry: Promise<void> = sent.then(() => void pending.delete(entry));
        pending.add(entry);
      } catch (error) {
        if (!(error instanceof TidelockError)) throw error;
        fail(at, error); // no topic that may be, or too long with it
      }
    }
  };
  const stopped = aborted(signal);
  const read = async (): Promise<void> => {
    for await (const chunk of input) {
      splitter.push(chunk as Buffer);
      await flush();
      if (signal.aborted) return;
    }
    splitter.end();
    await flush();
  };
  await Promise.race([read().then(() => Promise.all(pending)), stopped]);
  // Told to stop: what was accepted may still be acknowledged while the device closes.
  if (signal.aborted) {
    if (pending.size > 0 && !manner.json) process.stderr.write(`tidelock: stopping, ${pending.size} not acknowledged yet; again to end at once\n`);
    await device.close();
    await Promise.all(pending);
  }
  return failed;
}

function sendLine(device: Device, line: Buffer, topic: DeviceCommandOptions['topic']): DeviceSending {
  if (topic === undefined) return device.send(line);
  if (topic.of === 'all') return device.publish(topic.name, line);
  const tab = line.indexOf(9);
  if (tab < 0) throw new TidelockError('BAD_TOPIC', { topic: 'of the line', problem: 'is missing: with --topics a line is TOPIC, a tab, TEXT' });
  return device.publish(line.toString('utf8', 0, tab), line.subarray(tab + 1));
}

function isFull(device: Device): boolean {
  const { messages, bytes } = device.waiting;
  return messages >= MOST_WAITING.messages || bytes >= MOST_WAITING.bytes;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** `before`: code of the error that was told in full; what repeats itself is told in short. Returns the new one. */
function tellState(state: DeviceState, before: string, { json }: Manner): string {
  const code = state.name === 'waiting' ? parts(state.error).code : state.name === 'connecting' ? before : '';
  if (json) {
    const { name, reason } = state;
    const error = state.name === 'waiting' ? { error: parts(state.error) } : {};
    const wait = state.name === 'waiting' ? { wait: Math.round(state.wait) } : {};
    const online = state.name === 'online' ? { url: state.url, suite: state.suite, session: state.session } : {};
    process.stderr.write(`${safeJson({ state: name, reason, ...online, ...wait, ...error })}\n`);
  } else if (state.name !== 'connecting' || before === '') {
    process.stderr.write(`tidelock: ${escapeText(stateText(state, before))}\n`);
  }
  return code;
}

function stateText(state: DeviceState, before: string): string {
  switch (state.name) {
    case 'connecting':
      return `connecting to ${state.url}`;
    case 'online':
      return `online at ${state.url} (${state.suite})`;
    case 'waiting': {
      const { code, problem, action } = parts(state.error);
      const text = code === before ? `${code} again` : `${code}: ${problem}. ${action}`;
      return `${text.replace(/\.?$/, '.')} Next try in ${showDuration(state.wait)}.`;
    }
    case 'stopped':
      return state.reason === 'closed' || state.reason === '' ? 'closed' : `closed: ${state.reason}`;
  }
}

function tellLine(line: number, error: unknown, { json }: Manner): void {
  const { code, problem, action } = parts(error);
  if (json) process.stderr.write(`${safeJson({ line, error: { code, problem, action } })}\n`);
  else process.stderr.write(`tidelock: line ${line}: ${code}: ${escapeText(`${problem}. ${action}`)}\n`);
}
