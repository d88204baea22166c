/**
 * The port for those who watch: /metrics, /healthz, /readyz. It tells no secret but tells much, so it is made for loopback
 * or a network of one's own; whoever reaches it may read, and do nothing else.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { TidelockError } from '../errors.js';
import type { GatewayApi } from '../gateway/types.js';
import type { Registry } from '../registry/types.js';
import { formatHost } from '../transport/address.js';
import { CONTENT_TYPES, type Form } from './exposition.js';
import { metricsText, type MetricsOptions } from './metrics.js';
import { processWatch } from './process.js';
import { Readiness, type BrokerWatch } from './readiness.js';

/** Bounds of what a stranger may hold: connections, header bytes, and ms for a request, between requests, and for reading the answer. */
const MOST_CONNECTIONS = 32;
const MOST_HEADER = 8_192;
const REQUEST_MS = 5_000;
const IDLE_MS = 10_000;

const LOOPBACK = '127.0.0.1';

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

export interface HttpOptions extends Omit<MetricsOptions, 'registry' | 'form'> {
  registry?: Pick<Registry, 'info' | 'probe'>;
  /** What `mqtt()` made for the gateway: /readyz tells of the broker then. */
  bridge?: BrokerWatch;
  /** Default 127.0.0.1. */
  host?: string;
  /** 0: any free one. */
  port: number;
}

/** `HOST:PORT`, `[IPv6]:PORT`, or a port alone, which means 127.0.0.1. Undefined where it is neither. */
export function parseHttpAddress(text: string): HttpAddress | undefined {
  const parts = /^(?:(?:\[([\da-f:.]+)\]|([a-z\d.-]+)):)?(\d{1,5})$/i.exec(text);
  if (parts === null) return undefined;
  const [, six, name, digits] = parts;
  const port = Number(digits);
  if (port > 65_535 || (six !== undefined && isIP(six) !== 6)) return undefined;
  return { host: six ?? name ?? LOOPBACK, port };
}

export function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|localhost)$/i.test(host);
}

export class HttpServer {
  readonly url: string;
  readonly #server: Server;
  readonly #gateway: GatewayApi;
  readonly #options: HttpOptions;
  readonly #readiness: Readiness;
  #scrape: Partial<Record<Form, Promise<string>>> = {};

  /** Rejected with LISTEN_FAILED. */
  static async listen(gateway: GatewayApi, options: HttpOptions): Promise<HttpServer> {
    const { host = LOOPBACK, port } = options;
    const server = createServer({
      maxHeaderSize: MOST_HEADER, headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: IDLE_MS, connectionsCheckingInterval: 1_000,
    });
    server.maxConnections = MOST_CONNECTIONS;
    server.timeout = IDLE_MS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code === 'EADDRINUSE' ? 'the port is in use by another program' : error.message;
        reject(new TidelockError('LISTEN_FAILED', { address: `http://${formatHost(host)}:${port}`, reason }, { cause: error }));
      });
      server.listen({ host, port }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', () => undefined); // a connection that cannot be accepted tries again
    processWatch(); // from now on, so that the first scrape has something to tell
    return new HttpServer(gateway, options, server);
  }

  private constructor(gateway: GatewayApi, options: HttpOptions, server: Server) {
    this.#gateway = gateway;
    this.#options = options;
    this.#server = server;
    this.#readiness = new Readiness(gateway, options.registry, options.bridge);
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : options.port;
    this.url = `http://${formatHost(options.host ?? LOOPBACK)}:${port}`;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response));
  }

  /** From now on /readyz says closing, so that whoever shares out the load looks elsewhere before the gateway closes. */
  drain(): void {
    this.#readiness.closing = true;
  }

  /** Fulfilled when every connection is closed; those that ask or read something now are ended. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A body is nothing that we asked for: it is not read, so nothing can follow it on this connection.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) response.shouldKeepAlive = false;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.shouldKeepAlive = false;
      reply(response, 405, 'only GET', { Allow: 'GET, HEAD' });
      return;
    }
    try {
      await this.#route(request, response);
    } catch {
      reply(response, 500, 'failed');
    }
  }

  async #route({ url = '', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (url.split('?', 1)[0]) {
      case '/metrics': {
        const form = /\bapplication\/openmetrics-text\b/.test(headers.accept ?? '') ? 'openmetrics' : 'prometheus';
        reply(response, 200, await this.#metrics(form), { 'Content-Type': CONTENT_TYPES[form] });
        return;
      }
      case '/healthz':
        reply(response, 200, 'alive');
        return;
      case '/readyz': {
        const { ready, lines } = await this.#readiness.answer(performance.now());
        reply(response, ready ? 200 : 503, lines.join('\n'));
        return;
      }
      default:
        reply(response, 404, 'there are /metrics, /healthz and /readyz');
    }
  }

  /** Scrapes that come while one is answered share its answer. */
  #metrics(form: Form): Promise<string> {
    return (this.#scrape[form] ??= metricsText(this.#gateway, { ...this.#options, form }).finally(() => delete this.#scrape[form]));
  }
}

function reply(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  const body = text.endsWith('\n') ? text : `${text}\n`;
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(body); // Node leaves it away where the request was HEAD
}
