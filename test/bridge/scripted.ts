/** A broker whose every answer a test decides, packet by packet. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import packets, { type IConnackPacket, type IPublishPacket, type Packet } from 'mqtt-packet';

export interface Client {
  readonly id: string;
  readonly version: number;
  send(...sent: Packet[]): void;
  /** Bytes that the other side has not taken. */
  unsent(): number;
  end(): void;
}

export class Scripted {
  readonly url: string;
  /** Connections that gave a client id, in order. */
  readonly clients: Client[] = [];
  readonly published: { client: string; packet: IPublishPacket }[] = [];
  readonly acknowledged: { client: string; id: number }[] = [];
  /** Answer to CONNECT, in MQTT 5's words; undefined: the connection is closed without one. */
  connack: (client: Client) => Partial<IConnackPacket> | undefined = () => ({});
  /** Sent in one write with CONNACK. */
  behind: (client: Client) => Packet[] = () => [];
  /** Reason code of a PUBACK; undefined: none is sent. `end`: the connection is ended. */
  puback: (packet: IPublishPacket, client: Client) => number | undefined | 'end' = () => 0;
  /** What a subscription is granted, from 0x80 on a refusal. */
  suback: (filter: string) => number = () => 1;
  /** Filters that were asked for, in order. */
  readonly subscribed: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async start(): Promise<Scripted> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Scripted(server);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Texts that came up under QoS 1, without probes and status. */
  texts(): string[] {
    return this.published.filter(({ packet }) => packet.qos === 1 && packet.topic.endsWith('/up')).map(({ packet }) => packet.payload.toString());
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let client: Client | undefined, version = 5;
    const parser = packets.parser();
    const send = (...sent: Packet[]): void => void socket.write(Buffer.concat(sent.map((one) => packets.generate(one, { protocolVersion: version }))));
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect') {
        version = packet.protocolVersion ?? 4;
        client = { id: packet.clientId, version, send, unsent: () => socket.writableLength, end: () => socket.destroy() };
        const answer = this.connack(client);
        if (answer === undefined) return void socket.destroy();
        this.clients.push(client);
        send({ cmd: 'connack', sessionPresent: false, ...(version === 5 ? { reasonCode: 0 } : { returnCode: 0 }), ...answer }, ...this.behind(client));
      } else if (packet.cmd === 'publish') {
        this.published.push({ client: client!.id, packet });
        if (packet.qos !== 1) return;
        const reason = this.puback(packet, client!);
        if (reason === 'end') socket.destroy();
        else if (reason !== undefined) send({ cmd: 'puback', messageId: packet.messageId!, ...(version === 5 ? { reasonCode: reason } : {}) });
      } else if (packet.cmd === 'puback') this.acknowledged.push({ client: client!.id, id: packet.messageId! });
      else if (packet.cmd === 'subscribe') {
        this.subscribed.push(...packet.subscriptions.map(({ topic }) => topic));
        send({ cmd: 'suback', messageId: packet.messageId!, granted: packet.subscriptions.map(({ topic }) => this.suback(topic)) });
      }
      else if (packet.cmd === 'unsubscribe') send({ cmd: 'unsuback', messageId: packet.messageId!, granted: packet.unsubscriptions.map(() => 0) } as unknown as Packet);
      else if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' });
    });
    socket.on('data', (chunk) => void parser.parse(chunk));
  }
}
