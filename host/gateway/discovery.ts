/** Discovery as a gateway answers it: its name, and its own listeners. */
import { LINK_DATAGRAM, LINK_TLS } from '../../assembly/abi.js';
import type { OfferedLink } from '../core/index.js';
import { DiscoveryResponder, isLoopback } from '../discovery/responder.js';
import { addressPrefix, parseAddress } from '../transport/address.js';
import { HelloBuckets, type BucketRates } from './buckets.js';
import type { GatewaySetup } from './options.js';

/** A person looks for a gateway now and then: these let a hundred people look at once, and a flood get little. */
const RATES: BucketRates = { rate: 5, burst: 50, rateTotal: 50, burstTotal: 500 };

const LINKS: Readonly<Record<string, number>> = { tcp: 0, tls: LINK_TLS, udp: LINK_DATAGRAM };

/** What an OFFER has room for. */
const MOST = 8;

/** Undefined where it is not wanted. `urls`: of the listeners. Rejects with DISCOVERY_FAILED. */
export async function startDiscovery({ discovery, clock }: GatewaySetup, urls: readonly string[], failed: (error: Error) => void): Promise<DiscoveryResponder | undefined> {
  if (discovery === undefined) return undefined;
  const buckets = new HelloBuckets(RATES, clock.now());
  const near = offeredLinks(urls, true), far = offeredLinks(urls, false);
  return DiscoveryResponder.listen({
    name: discovery,
    clock,
    links: (loopback) => (loopback ? near : far),
    admit: (address, now) => buckets.take(addressPrefix(address), now),
    failed,
  });
}

/** A listener on loopback is of use to this machine alone, one at another address to all but it. */
export function offeredLinks(urls: readonly string[], loopback: boolean): OfferedLink[] {
  return urls.map(parseAddress).flatMap(({ kind, host, port }) => {
    const link = LINKS[kind];
    const reached = host === '0.0.0.0' || host === '::' || isLoopback(host) === loopback;
    return link === undefined || !reached ? [] : [{ link, port }];
  }).slice(0, MOST);
}
