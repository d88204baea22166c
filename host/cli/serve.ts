/** `tidelock serve`: a gateway with its database; each message becomes a line, and is done once the line is written. */
import type pino from 'pino';
import { TidelockError } from '../errors.js';
import { Gateway } from '../gateway/index.js';
import type { GatewayOptions, InboxMessage } from '../gateway/types.js';
import { badOption } from '../options.js';
import { HttpServer, type HttpOptions, isLoopback, parseHttpAddress } from '../http/index.js';
import type { Registry, RegistryLimits } from '../registry/types.js';
import { Backends } from './backend/backends.js';
import { refuseRunning } from './access.js';
import { bindablePath } from './control/path.js';
import { ControlServer } from './control/server.js';
import { EXIT_OK } from './exits.js';
import { bridgeFamilies } from './bridge-metrics.js';
import { createHandlers } from './handlers.js';
import { openDatabase } from './database.js';
import { createLog } from './log.js';
import { createBridge } from './mqtt.js';
import { jsonLine, textLine } from './message-line.js';
import { Output, OutputClosed } from './output.js';
import { controlPath } from './place.js';
import { RELEASED } from './release.js';
import { LIMITS, type Settings } from './setting-types.js';
import { onStop } from './stop.js';
import { Unkept } from './unkept.js';

/** Marks that may be under way at once: they share one flush to the disk. */
const MOST_MARKS = 64;

/** ms, where `drain` is not set. */
const DRAIN = 5_000;
/** The gateway's own share of the drain, however long the backends took of it. */
const LEAST_DRAIN = 1_000;

/** Returns the exit code once it was told to stop, or the reader of stdout has gone. */
export async function serve(settings: Settings, warnings: readonly string[], version: string): Promise<number> {
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  for (const warning of warnings) log.warn(warning);
  checkClock();
  const path = controlPath(settings);
  await refuseRunning(settings); // said before the database says the same in worse words
  const output = new Output();
  const cleanup: (() => unknown)[] = [];
  try {
    const registry = await openDatabase(settings, { limits: limitsOf(settings, 'registry') });
    cleanup.push(() => registry.close());
    const bridge = createBridge(settings);
    const gateway = await Gateway.listen({ ...gatewayOptions(settings), ...(bridge === undefined ? {} : { bridge }), registry, logger: log });
    cleanup.push(() => gateway.close());
    const { drain = DRAIN } = settings;
    const backends = await startBackends(settings, gateway, registry, version, log);
    const close = async (): Promise<void> => {
      const began = performance.now();
      await backends?.close(drain);
      await gateway.close({ drain: Math.max(Math.min(drain, LEAST_DRAIN), drain - (performance.now() - began)) });
    };
    cleanup.push(close);
    if (path !== undefined) {
      const control = await ControlServer.listen(path, createHandlers(gateway, registry, version));
      cleanup.push(() => control.close());
    }
    const http = await listenHttp(settings, gateway, { registry, version, ...(bridge === undefined ? {} : { bridge }), more: () => [...(backends?.families() ?? []), ...(bridge === undefined ? [] : bridgeFamilies(bridge.counters()))] }, log);
    cleanup.push(() => http?.close());
    if (settings.tlsCert !== undefined) onHangup(() => gateway.reloadCertificate(), log);
    const stopped = new Promise<void>((resolve) => {
      onStop((signal) => {
        log.info({ signal }, 'stopping: finishing what was accepted');
        http?.drain();
        close().then(resolve, (error: unknown) => {
          log.error({ error }, 'closing failed');
          resolve();
        });
      });
    });
    log.info({ addresses: gateway.addresses, database: registry.url, control: path === undefined ? undefined : bindablePath(path), metrics: http?.url, pid: process.pid, version }, 'ready');
    if (backends !== undefined) await backends.run(stopped);
    else if (bridge !== undefined) await stopped;
    else await printAll({ gateway, output, settings, log, stopped });
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
    log.info('the reader of stdout has gone: stopping');
  } finally {
    for (const step of cleanup.reverse()) await step();
  }
  return EXIT_OK;
}

/** SIGHUP reads the certificate again at once, as of other servers; Windows has no such signal, there the files are watched alone. */
function onHangup(reload: () => Promise<void>, log: pino.Logger): void {
  if (process.platform === 'win32') return;
  process.on('SIGHUP', () => {
    reload().catch((error: unknown) => log.error({ error }, (error as Error).message));
  });
}

/** Every frame carries the time: with a clock that is certainly wrong a gateway must not begin. */
function checkClock(): void {
  const now = Date.now();
  if (now >= RELEASED) return;
  const [shows, released] = [now, RELEASED].map((time) => new Date(time).toISOString().slice(0, 10));
  throw new TidelockError('CLOCK_WRONG', { problem: `it shows ${shows}, which is before this version was made (${released})` });
}

/** Undefined: there are none, and messages are printed. */
async function startBackends(
  { backend: command, backendSocket: socket, backendWindow: window = 64, keep }: Settings, gateway: Gateway, registry: Registry, version: string, log: pino.Logger,
): Promise<Backends | undefined> {
  if (command === undefined && socket === undefined) return undefined;
  if (keep) throw badOption('keep', keep, 'a backend says itself what is done');
  return Backends.start({ gateway, registry, version, log, window, command, socket });
}

async function listenHttp(
  { metrics }: Settings, gateway: Gateway, options: Omit<HttpOptions, 'port'>, log: pino.Logger,
): Promise<HttpServer | undefined> {
  if (metrics === undefined) return undefined;
  const address = parseHttpAddress(metrics)!;
  if (!isLoopback(address.host)) log.warn({ metrics }, 'whoever reaches this port may read the metrics: let a firewall or a proxy decide who does');
  return HttpServer.listen(gateway, { ...options, ...address });
}

function gatewayOptions(settings: Settings): GatewayOptions {
  const { listen, iotsocket, window, life, idle, spread, largest, suites, suitesTls, sntp, sntpListen, discovery, tlsCert, tlsKey } = settings;
  const tls = tlsCert === undefined ? undefined : { certFile: tlsCert, ...(tlsKey === undefined ? {} : { keyFile: tlsKey }) };
  const given = { window, life, idle, spread, largest, suites, suitesTls, tls, sntp, sntpListen, discovery };
  const legacy = iotsocket === undefined ? {} : { legacy: { iotsocket: iotsocket.length === 0 ? {} : { listen: iotsocket } } };
  return { listen: [...listen, ...(settings.serial ?? [])], limits: limitsOf(settings, 'gateway'), ...legacy, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

function limitsOf({ limits }: Settings, whose: 'gateway' | 'registry'): RegistryLimits {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => LIMITS[name as keyof typeof LIMITS] === whose));
}

interface Printing {
  gateway: Gateway;
  output: Output;
  settings: Settings;
  log: pino.Logger;
  /** Fulfilled when the gateway has closed because it was told to. */
  stopped: Promise<void>;
}

/** Ends when the gateway closes. Throws OutputClosed or OUTPUT_FAILED where a line cannot be written, DATABASE_* where marking fails. */
async function printAll({ gateway, output, settings, log, stopped }: Printing): Promise<void> {
  const form = settings.json ? jsonLine : textLine;
  const broken = new AbortController();
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    broken.abort();
  };
  output.onFailure(fail);
  const unkept = new Unkept(output, log, 'stdout');
  gateway.on('message', (message) => void unkept.write(form(message)));
  const marks = new Set<Promise<void>>();
  const mark = (message: InboxMessage): void => {
    const entry: Promise<void> = message.done().catch(fail).finally(() => marks.delete(entry));
    marks.add(entry);
  };
  let over = false;
  const end = stopped.then(() => void (over = true));
  for await (const message of gateway.messages({ signal: broken.signal })) {
    // A reader of stdout that stands still must not hold up the end: its line is not written, so not marked.
    await Promise.race([output.line(form(message)), end]);
    if (over) break;
    if (settings.keep) continue;
    mark(message);
    if (marks.size >= MOST_MARKS) await Promise.race(marks);
  }
  await Promise.all(marks);
  if (failure !== undefined) throw failure;
}
