/** Writes capture files: packets of TCP and UDP under each link header, pcap and pcapng of either byte order. */

export interface Endpoint {
  address: string;
  port: number;
}

export const LINKS = { null: 0, ethernet: 1, raw: 101, loop: 108, cooked: 113, ipv4: 228, cooked2: 276 } as const;
export type LinkName = keyof typeof LINKS;

/** A packet as it is captured: its time in ms of the Unix epoch. */
export interface Captured {
  at: number;
  bytes: Buffer;
}

export interface TcpFlags {
  /** Next byte expected from the other side; without it the packet acknowledges nothing. */
  ack?: number;
  syn?: boolean;
  fin?: boolean;
  rst?: boolean;
}

const u16 = (value: number): Buffer => Buffer.from([(value >>> 8) & 0xff, value & 0xff]);
const u32 = (value: number): Buffer => Buffer.from([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]);

function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const front = groups(head), back = groups(tail);
  return Buffer.concat([...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back].map(u16));
}

function ip(from: string, to: string, protocol: number, payload: Buffer): Buffer {
  if (from.includes(':')) {
    return Buffer.concat([Buffer.from([0x60, 0, 0, 0]), u16(payload.length), Buffer.from([protocol, 64]), addressBytes(from), addressBytes(to), payload]);
  }
  return Buffer.concat([Buffer.from([0x45, 0]), u16(20 + payload.length), Buffer.from([0, 0, 0x40, 0, 64, protocol, 0, 0]), addressBytes(from), addressBytes(to), payload]);
}

export function tcp(from: Endpoint, to: Endpoint, seq: number, payload: Uint8Array = Buffer.alloc(0), { ack, syn = false, fin = false, rst = false }: TcpFlags = {}): Buffer {
  const flags = (ack === undefined ? 0 : 0x10) | (syn ? 2 : 0) | (fin ? 1 : 0) | (rst ? 4 : 0);
  const segment = Buffer.concat([u16(from.port), u16(to.port), u32(seq >>> 0), u32((ack ?? 0) >>> 0), Buffer.from([0x50, flags]), u16(65_535), u16(0), u16(0), payload]);
  return ip(from.address, to.address, 6, segment);
}

export function udp(from: Endpoint, to: Endpoint, payload: Uint8Array): Buffer {
  return ip(from.address, to.address, 17, Buffer.concat([u16(from.port), u16(to.port), u16(8 + payload.length), u16(0), payload]));
}

/** Puts a link's header before an IP packet. */
export function linked(link: LinkName, packet: Buffer, vlan = false): Buffer {
  const ethertype = u16(packet[0]! >> 4 === 6 ? 0x86dd : 0x0800);
  switch (link) {
    case 'null':
      return Buffer.concat([Buffer.from([2, 0, 0, 0]), packet]);
    case 'loop':
      return Buffer.concat([Buffer.from([0, 0, 0, 2]), packet]);
    case 'ethernet':
      return Buffer.concat([Buffer.alloc(12, 2), ...(vlan ? [u16(0x8100), u16(7)] : []), ethertype, packet]);
    case 'cooked':
      return Buffer.concat([Buffer.alloc(14), ethertype, packet]);
    case 'cooked2':
      return Buffer.concat([ethertype, Buffer.alloc(18), packet]);
    case 'raw':
    case 'ipv4':
      return packet;
  }
}

export interface PcapForm {
  link?: LinkName;
  little?: boolean;
  nano?: boolean;
}

function writer(little: boolean): { w16(value: number): Buffer; w32(value: number): Buffer } {
  const turn = (bytes: Buffer): Buffer => (little ? bytes.reverse() : bytes);
  return { w16: (value) => turn(u16(value)), w32: (value) => turn(u32(value)) };
}

export function pcap(packets: readonly Captured[], { link = 'ethernet', little = true, nano = false }: PcapForm = {}): Buffer {
  const { w16, w32 } = writer(little);
  const records = packets.map(({ at, bytes }) => {
    const seconds = Math.floor(at / 1000), rest = at - seconds * 1000;
    return Buffer.concat([w32(seconds), w32(Math.round(rest * (nano ? 1e6 : 1e3))), w32(bytes.length), w32(bytes.length), bytes]);
  });
  return Buffer.concat([w32(nano ? 0xa1b23c4d : 0xa1b2c3d4), w16(2), w16(4), w32(0), w32(0), w32(262_144), w32(LINKS[link]), ...records]);
}

export function pcapng(packets: readonly Captured[], { link = 'ethernet', little = true, nano = false }: PcapForm = {}): Buffer {
  const { w16, w32 } = writer(little);
  const block = (type: number, body: Buffer): Buffer => {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    return Buffer.concat([w32(type), w32(12 + padded.length), padded, w32(12 + padded.length)]);
  };
  const resolution = nano ? [w16(9), w16(1), Buffer.from([9, 0, 0, 0]), w16(0), w16(0)] : [];
  return Buffer.concat([
    block(0x0a0d0d0a, Buffer.concat([w32(0x1a2b3c4d), w16(1), w16(0), w32(0xffffffff), w32(0xffffffff)])),
    block(1, Buffer.concat([w16(LINKS[link]), w16(0), w32(0), ...resolution])),
    ...packets.map(({ at, bytes }) => {
      const stamp = BigInt(Math.round(at * 1000)) * (nano ? 1000n : 1n);
      return block(6, Buffer.concat([w32(0), w32(Number(stamp >> 32n)), w32(Number(stamp & 0xffffffffn)), w32(bytes.length), w32(bytes.length), bytes]));
    }),
  ]);
}

/** What a recorded connection said, in order: `up` from the device. */
export interface Said {
  up: boolean;
  bytes: Buffer;
  at: number;
}

/** A TCP connection of these bytes: SYNs, data, FINs. `ports` of the device and the gateway. */
export function connection(said: readonly Said[], device: Endpoint, gateway: Endpoint, start = said[0]?.at ?? 0): Captured[] {
  const seq = { up: 0xfffffff0, down: 5 }; // one of them wraps
  const send = (up: boolean, at: number, bytes: Buffer, flags: TcpFlags = {}): Captured => {
    const way = up ? 'up' : 'down';
    const ack = flags.syn && up ? {} : { ack: up ? seq.down : seq.up };
    const packet = up ? tcp(device, gateway, seq.up, bytes, { ...flags, ...ack }) : tcp(gateway, device, seq.down, bytes, { ...flags, ...ack });
    seq[way] = (seq[way] + bytes.length + (flags.syn || flags.fin ? 1 : 0)) >>> 0;
    return { at, bytes: packet };
  };
  const none = Buffer.alloc(0);
  const end = said.at(-1)?.at ?? start;
  return [
    send(true, start, none, { syn: true }),
    send(false, start, none, { syn: true }),
    ...said.map(({ up, bytes, at }) => send(up, at, bytes)),
    send(true, end, none, { fin: true }),
    send(false, end, none, { fin: true }),
  ];
}
