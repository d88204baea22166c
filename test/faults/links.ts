/** The kinds of links of the matrix: how a gateway listens, how a device gets there, and what stands between. */
import type { DeviceOptions } from 'tidelock/device';
import type { GatewayOptions } from 'tidelock/gateway';
import { certificate, identity } from '../support/tls.js';
import { DatagramProxy } from './datagram-proxy.js';
import type { Fault } from './packet.js';
import { StreamProxy, type Proxy, type ProxyOwner } from './stream-proxy.js';

export type LinkKind = 'tcp' | 'tls' | 'udp';

export interface Link {
  readonly datagrams: boolean;
  readonly scheme: string;
  /** Bytes of the longest body. */
  readonly longest: number;
  readonly gateway: Partial<GatewayOptions>;
  readonly device: Partial<DeviceOptions>;
  proxy(owner: ProxyOwner, fault: Fault, host?: string): Promise<Proxy>;
}

const made = certificate();

export const LINKS: Record<LinkKind, Link> = {
  tcp: {
    datagrams: false,
    scheme: 'tidelock',
    longest: 4_000,
    gateway: {},
    device: {},
    proxy: (owner, fault, host) => StreamProxy.open(owner, fault, host),
  },
  tls: {
    datagrams: false,
    scheme: 'tidelocks',
    longest: 4_000,
    gateway: { tls: identity(made) },
    device: { tls: { pins: [made.pin] } },
    proxy: (owner, fault, host) => StreamProxy.open(owner, fault, host),
  },
  udp: {
    datagrams: true,
    scheme: 'tidelock+udp',
    longest: 4_000, // up to four FRAGMENTs
    gateway: {},
    device: {},
    proxy: (owner, fault, host) => DatagramProxy.open(owner, fault, host),
  },
};
