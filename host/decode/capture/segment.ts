/** From a packet of a capture to the TCP segment or UDP datagram in it: link headers, VLAN tags, IPv4 and IPv6. */

export interface Segment {
  protocol: 'tcp' | 'udp';
  from: string;
  to: string;
  fromPort: number;
  toPort: number;
  payload: Buffer;
  /** TCP. */
  seq: number;
  syn: boolean;
  fin: boolean;
  rst: boolean;
}

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const VLAN = new Set([0x8100, 0x88a8, 0x9100]);
const TCP = 6;
const UDP = 17;
/** IPv6 headers that come before the transport's (RFC 8200, section 4.1): hop-by-hop, routing, destination options. */
const OPTIONS = new Set([0, 43, 60]);
const FRAGMENT = 44;
const MOST_HEADERS = 8;

/** Link types of pcap (the registry at tcpdump.org). */
const LINK = { NULL: 0, ETHERNET: 1, RAW_OLD: 12, RAW_OPENBSD: 14, RAW: 101, LOOP: 108, COOKED: 113, IPV4: 228, IPV6: 229, COOKED2: 276 } as const;

/** The segment, or a text that says why there is none, or undefined where the packet is of no interest (ARP, ICMP). */
export function readSegment(linkType: number, packet: Buffer): Segment | string | undefined {
  const ip = ipOf(linkType, packet);
  if (ip === undefined || typeof ip === 'string') return ip;
  if (ip.length < 1) return 'a packet without a byte of IP';
  const version = ip[0]! >> 4;
  if (version === 4) return ipv4(ip);
  if (version === 6) return ipv6(ip);
  return `IP version ${version}`;
}

function ipOf(linkType: number, packet: Buffer): Buffer | string | undefined {
  switch (linkType) {
    case LINK.ETHERNET:
      return byEthertype(packet, 12);
    case LINK.COOKED:
      return byEthertype(packet, 14);
    case LINK.COOKED2:
      return packet.length < 20 ? 'a packet shorter than its link header' : byType(packet.readUInt16BE(0), packet, 20);
    case LINK.NULL:
    case LINK.LOOP:
      return packet.length < 4 ? 'a packet shorter than its link header' : packet.subarray(4);
    case LINK.RAW:
    case LINK.RAW_OLD:
    case LINK.RAW_OPENBSD:
    case LINK.IPV4:
    case LINK.IPV6:
      return packet;
    default:
      return `link type ${linkType} is not known here: Ethernet, Linux cooked, loopback and raw IP are`;
  }
}

function byEthertype(packet: Buffer, at: number): Buffer | string | undefined {
  if (packet.length < at + 2) return 'a packet shorter than its link header';
  let type = packet.readUInt16BE(at);
  for (let tags = 0; VLAN.has(type) && tags < MOST_HEADERS && packet.length >= at + 6; tags++) {
    at += 4;
    type = packet.readUInt16BE(at);
  }
  return byType(type, packet, at + 2);
}

function byType(type: number, packet: Buffer, at: number): Buffer | undefined {
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 ? packet.subarray(at) : undefined;
}

function ipv4(ip: Buffer): Segment | string | undefined {
  const header = (ip[0]! & 15) * 4;
  if (ip.length < 20 || header < 20 || ip.length < header) return 'a packet shorter than its IPv4 header';
  const total = ip.readUInt16BE(2), fragment = ip.readUInt16BE(6) & 0x3fff;
  // 0: the network card cuts it into packets later (segmentation offload), its length is the packet's.
  if (total !== 0 && total < header) return 'an IPv4 packet whose length is shorter than its header';
  const protocol = ip[9]!;
  if (fragment !== 0) return protocol === TCP || protocol === UDP ? 'a fragment of an IPv4 packet: these are not put together' : undefined;
  const payload = ip.subarray(header, total === 0 ? ip.length : Math.min(total, ip.length));
  return transport(protocol, payload, dotted(ip, 12), dotted(ip, 16));
}

function ipv6(ip: Buffer): Segment | string | undefined {
  if (ip.length < 40) return 'a packet shorter than its IPv6 header';
  const length = ip.readUInt16BE(4);
  const end = length === 0 ? ip.length : Math.min(40 + length, ip.length);
  let next = ip[6]!, at = 40;
  for (let headers = 0; OPTIONS.has(next) && headers < MOST_HEADERS; headers++) {
    if (end < at + 8) return 'a packet shorter than its IPv6 headers';
    next = ip[at]!;
    at += 8 + ip[at + 1]! * 8;
  }
  if (next === FRAGMENT) return 'a fragment of an IPv6 packet: these are not put together';
  return transport(next, ip.subarray(Math.min(at, end), end), colons(ip, 8), colons(ip, 24));
}

function transport(protocol: number, bytes: Buffer, from: string, to: string): Segment | string | undefined {
  if (protocol === UDP) {
    if (bytes.length < 8) return 'a packet shorter than its UDP header';
    const length = bytes.readUInt16BE(4);
    const payload = bytes.subarray(8, length < 8 ? bytes.length : Math.min(length, bytes.length));
    return { protocol: 'udp', from, to, fromPort: bytes.readUInt16BE(0), toPort: bytes.readUInt16BE(2), payload, seq: 0, syn: false, fin: false, rst: false };
  }
  if (protocol !== TCP) return undefined;
  const header = bytes.length < 20 ? 0 : (bytes[12]! >> 4) * 4;
  if (header < 20 || bytes.length < header) return 'a packet shorter than its TCP header';
  const flags = bytes[13]!;
  return {
    protocol: 'tcp', from, to, fromPort: bytes.readUInt16BE(0), toPort: bytes.readUInt16BE(2), payload: bytes.subarray(header),
    seq: bytes.readUInt32BE(4), fin: (flags & 1) !== 0, syn: (flags & 2) !== 0, rst: (flags & 4) !== 0,
  };
}

function dotted(ip: Buffer, at: number): string {
  return ip.subarray(at, at + 4).join('.');
}

/** RFC 5952: the longest run of zero groups becomes `::`. */
function colons(ip: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => ip.readUInt16BE(at + 2 * i).toString(16));
  let best = { from: 0, count: 1 };
  for (let i = 0; i < 8; i++) {
    let count = 0;
    while (i + count < 8 && groups[i + count] === '0') count++;
    if (count > best.count) best = { from: i, count };
  }
  if (best.count < 2) return groups.join(':');
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.count).join(':')}`;
}
