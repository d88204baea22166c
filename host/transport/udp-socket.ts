/** What gateway and device do alike with a UDP socket. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

/** Asked of the system, which gives what it allows (net.core.rmem_max and wmem_max on Linux). */
const BUFFER_BYTES = 4 * 1024 * 1024;

/** Addresses that a socket is given are numeric: no resolver is asked, and no turn of the loop is lost. */
const numeric = (address: string, _options: unknown, done: (error: Error | null, address: string, family: number) => void): void => {
  done(null, address, address.includes(':') ? 6 : 4);
};

export function udpSocket(family: 4 | 6): Socket {
  return createSocket({ type: family === 6 ? 'udp6' : 'udp4', lookup: numeric });
}

/**
 * Datagrams that can be answered. Anybody can send one from port 0, which means that no answer is wanted (RFC 768): Node throws
 * where it is to send to that port. What `take` throws is `failed`'s: one datagram must not end the process.
 */
export function onDatagram(socket: Socket, take: (bytes: Buffer, from: RemoteInfo) => void, failed: (error: Error) => void): void {
  socket.on('message', (bytes, from) => {
    if (from.port === 0) return;
    try {
      take(bytes, from);
    } catch (error) {
      failed(error as Error);
    }
  });
}

/** Tells the first failure alone: whoever found a datagram that does this sends more of them. */
export function firstOnly(failed: (error: Error) => void): (error: Error) => void {
  let told = false;
  return (error) => {
    if (told) return;
    told = true;
    failed(error);
  };
}

/** A socket must be bound before it has buffers. */
export function enlarge(socket: Socket): void {
  for (const enlargeOne of [() => socket.setRecvBufferSize(BUFFER_BYTES), () => socket.setSendBufferSize(BUFFER_BYTES)]) {
    try {
      enlargeOne();
    } catch {
      // The system's own size will do.
    }
  }
}
