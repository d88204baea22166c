/** The one place that knows which kind of link belongs to which scheme. */
import type { TidelockError } from '../errors.js';
import type { Address } from './address.js';
import type { DatagramAcceptor, Link, Listener, LinkOwner, LinkTotals } from './link.js';
import { connectTcp, tcpError, TcpPort } from './tcp.js';
import { connectUdp } from './udp-client.js';
import { UdpPort } from './udp-port.js';

/** Fulfilled when it listens. Rejected with PORT_IN_USE, PORT_FORBIDDEN or LISTEN_FAILED. */
export function openListener(address: Address, acceptor: DatagramAcceptor): Promise<Listener> {
  switch (address.kind) {
    case 'tcp':
      return TcpPort.listen(address, { plain: true, tls: undefined }, acceptor);
    case 'udp':
      return UdpPort.listen(address, acceptor);
  }
}

/** Begins to open a link: `opened` is called once it stands, `owner.linkGone` where it cannot be opened. */
export function openLink(address: Address, owner: LinkOwner, totals: LinkTotals, opened: () => void): Link {
  switch (address.kind) {
    case 'tcp':
      return connectTcp(address, owner, totals, opened);
    case 'udp':
      return connectUdp(address, owner, totals, opened);
  }
}

/** Why a link could not be opened, in the words of docs/errors.md. */
export function openError(address: Address, error: Error): TidelockError {
  switch (address.kind) {
    case 'tcp':
    case 'udp':
      return tcpError(address, error);
  }
}
