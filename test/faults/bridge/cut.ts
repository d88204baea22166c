/** What stands between a gateway and its broker: connections that can be cut, and a broker that can stand elsewhere. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class Cut {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Port of the broker; undefined: the way is cut. */
  target: number | undefined;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.target = target;
  }

  static async open(target: number): Promise<Cut> {
    const server = createServer(), made = new Cut(server, target);
    server.on('connection', (socket) => made.#accept(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return made;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends what stands. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.target = undefined;
    this.drop();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(from: Socket): void {
    if (this.target === undefined) return void from.destroy();
    const to = connect(this.target, '127.0.0.1');
    for (const [socket, other] of [[from, to], [to, from]] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
