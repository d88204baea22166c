/** TCP: listening, connecting, and what may go wrong there. */
import { connect, createServer, type Server, type TcpNetConnectOpts } from 'node:net';
import { TidelockError } from '../errors.js';
import { formatAddress, type Address } from './address.js';
import type { Acceptor, Link, Listener, LinkOwner, LinkTotals } from './link.js';
import { Newcomer, type Spoken } from './newcomer.js';
import { StreamLink, WRITE_MARK, type MarkedSocket } from './stream-link.js';

/** Opens a link. `owner.linkGone` is called where it can't be opened; `opened` else. */
export function connectTcp(address: Address, owner: LinkOwner, totals: LinkTotals, opened: () => void): Link {
  const options: TcpNetConnectOpts & MarkedSocket = { host: address.host, port: address.port, allowHalfOpen: true, noDelay: true, highWaterMark: WRITE_MARK };
  const socket = connect(options);
  socket.once('connect', opened);
  const link = new StreamLink(socket, 'tcp', totals);
  link.owner = owner;
  return link;
}

/** A port: each connection's first byte tells which of the spoken protocols it has. */
export class TcpPort implements Listener {
  readonly urls: readonly string[];
  readonly #server: Server;

  private constructor(server: Server, urls: readonly string[]) {
    this.#server = server;
    this.urls = urls;
  }

  /** The addresses differ in their schemes alone. Rejects with PORT_IN_USE, PORT_FORBIDDEN or LISTEN_FAILED. */
  static async listen(addresses: readonly Address[], spoken: Spoken, acceptor: Acceptor): Promise<TcpPort> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: WRITE_MARK }, (socket) => void new Newcomer(socket, spoken, acceptor));
    const address = addresses[0]!;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(address, error)));
      server.listen({ host: address.host, port: address.port, backlog: 4096 }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', (error) => acceptor.failed(error));
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
    return new TcpPort(server, addresses.map((one) => formatAddress({ ...one, port })));
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Why a port cannot be had, of TCP or UDP, in the words of docs/errors.md. */
export function listenError(address: Address, error: NodeJS.ErrnoException): TidelockError {
  const { host, port } = address;
  const cause = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new TidelockError('PORT_IN_USE', { port, host }, cause);
    case 'EACCES':
      return new TidelockError('PORT_FORBIDDEN', { port, host }, cause);
    default:
      return new TidelockError('LISTEN_FAILED', { address: formatAddress(address), reason: error.message }, cause);
  }
}

/** Why a link could not be opened, in the words of docs/errors.md. */
export function tcpError(address: Address, error: NodeJS.ErrnoException): TidelockError {
  const cause = { cause: error };
  switch (error.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new TidelockError('HOST_UNKNOWN', { host: address.host, reason: error.code }, cause);
    default:
      return new TidelockError('HOST_UNREACHABLE', { address: formatAddress(address), reason: error.code ?? error.message }, cause);
  }
}
