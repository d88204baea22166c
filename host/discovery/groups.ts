/** Where discovery is spoken (docs/protocol.md, section 16), and over which interfaces of this machine. */
import os from 'node:os';

/**
 * One above the port of sessions: a socket at that one, which takes datagrams of all the world, would otherwise get every
 * multicast of the link too (Linux gives it what any socket of the machine has joined), and they would have to share it.
 */
export const DISCOVERY_PORT = 8434;

/** IPv4's local scope, 239.255.0.0/16, is free for whoever runs the site (RFC 2365 section 6.1); 84.33 is the port. */
export const GROUP_V4 = '239.255.84.33';

/**
 * Link-local scope (2) and not permanently assigned (flag T: ff12, RFC 4291 section 2.7); group numbers from 8000:0 on
 * are for such groups (RFC 3307 section 4.3).
 */
export const GROUP_V6 = 'ff12::8000:8433';

/** One IPv4 address of an interface, or one interface with IPv6. */
export interface Link {
  readonly family: 4 | 6;
  /** IPv4: the address. IPv6: the zone, as the system writes it behind %. */
  readonly local: string;
  /** IPv4: the address that all stations of the link take. */
  readonly broadcast: string | undefined;
}

export function localLinks(interfaces = os.networkInterfaces(), windows = process.platform === 'win32'): Link[] {
  const links: Link[] = [];
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    for (const entry of addresses) if (entry.family === 'IPv4') links.push({ family: 4, local: entry.address, broadcast: broadcastOf(entry.address, entry.netmask) });
    // The address ::1 has no zone; every interface that can reach a neighbour by IPv6 has a link-local address.
    const v6 = addresses.find((entry) => entry.family === 'IPv6' && (entry.internal || entry.address.startsWith('fe80:')));
    if (v6 !== undefined) links.push({ family: 6, local: windows ? String((v6 as os.NetworkInterfaceInfoIPv6).scopeid) : name, broadcast: undefined });
  }
  return links;
}

/** Undefined where the net has but one or two addresses (RFC 3021). */
function broadcastOf(address: string, netmask: string): string | undefined {
  const [ip, mask] = [address, netmask].map((text) => text.split('.').map(Number)) as [number[], number[]];
  if (mask[3]! >= 254) return undefined;
  return ip.map((byte, index) => (byte | ~mask[index]!) & 0xff).join('.');
}
