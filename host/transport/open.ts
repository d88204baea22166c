/** The one place that knows which kind of link belongs to which scheme. */
import type { Clock } from '../clock.js';
import type { TidelockError } from '../errors.js';
import type { Address } from './address.js';
import type { DatagramAcceptor, Link, Listener, LinkOwner, LinkTotals } from './link.js';
import { connectSerial, SerialPort, serialError } from './serial.js';
import { connectTcp, tcpError, TcpPort } from './tcp.js';
import { connectTls, tlsError, type TlsTrust } from './tls/client.js';
import type { ServerTls } from './tls/server.js';
import { connectUdp } from './udp-client.js';
import { UdpPort } from './udp-port.js';

/** What some kinds of listener need. */
export interface ListenNeeds {
  readonly tls: ServerTls | undefined;
  /** For tries again. */
  readonly clock: Clock;
}

/** What some kinds of link need. */
export interface LinkNeeds {
  readonly tls: TlsTrust;
}

/** Fulfilled when all listen. Rejected with PORT_IN_USE, PORT_FORBIDDEN, LISTEN_FAILED, SERIAL_FAILED or DRIVER_MISSING, and then none does. */
export async function openListeners(addresses: readonly Address[], acceptor: DatagramAcceptor, needs: ListenNeeds): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const group of byPort(addresses)) listeners.push(await openListener(group, acceptor, needs));
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    throw error;
  }
  return listeners;
}

function openListener(group: readonly Address[], acceptor: DatagramAcceptor, { tls, clock }: ListenNeeds): Promise<Listener> {
  switch (group[0]!.kind) {
    case 'tcp':
    case 'tls': {
      const speaks = (kind: Address['kind']): boolean => group.some((address) => address.kind === kind);
      return TcpPort.listen(group, { plain: speaks('tcp'), tls: speaks('tls') ? tls?.wrap : undefined }, acceptor);
    }
    case 'udp':
      return UdpPort.listen(group[0]!, acceptor);
    case 'serial':
      return SerialPort.listen(group[0]!, acceptor, clock);
  }
}

/** With and without TLS at one host and port is one port: the first byte tells the two apart. */
function byPort(addresses: readonly Address[]): Address[][] {
  const groups: Address[][] = [];
  for (const address of addresses) {
    const { kind, host, port } = address;
    const shares = (one: Address): boolean => one.host === host && one.port === port && one.kind !== kind && isTcp(one.kind);
    const group = isTcp(kind) && port !== 0 ? groups.find((taken) => taken.every(shares)) : undefined;
    if (group === undefined) groups.push([address]);
    else group.push(address);
  }
  return groups;
}

function isTcp(kind: Address['kind']): boolean {
  return kind === 'tcp' || kind === 'tls';
}

/** Begins to open a link: `opened` is called once it stands, `owner.linkGone` where it cannot be opened. */
export function openLink(address: Address, needs: LinkNeeds, owner: LinkOwner, totals: LinkTotals, opened: () => void): Link {
  switch (address.kind) {
    case 'tcp':
      return connectTcp(address, owner, totals, opened);
    case 'udp':
      return connectUdp(address, owner, totals, opened);
    case 'tls':
      return connectTls(address, needs.tls, owner, totals, opened);
    case 'serial':
      return connectSerial(address, owner, totals, opened);
  }
}

/** Why a link could not be opened, in the words of docs/errors.md. */
export function openError(address: Address, error: Error): TidelockError {
  switch (address.kind) {
    case 'tcp':
    case 'udp':
      return tcpError(address, error);
    case 'tls':
      return tlsError(address, error);
    case 'serial':
      return serialError(address, error);
  }
}
