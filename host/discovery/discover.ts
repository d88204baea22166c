/**
 * Asks the link for gateways. What answers has proven nothing: anybody on the link may say anything, so what is found here is
 * for people to look at, and no device takes an address from it.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { LINK_DATAGRAM, LINK_TLS } from '../../assembly/abi.js';
import type { Clock } from '../clock.js';
import { DiscoveryCore, TOKEN_BYTES } from '../core/index.js';
import { formatHost } from '../transport/address.js';
import { DISCOVERY_PORT, GROUP_V4, GROUP_V6, localLinks, type Link } from './groups.js';

/** One answer, for which nothing is proven. */
export interface FoundGateway {
  readonly name: string;
  /** Where the answer came from, with the zone of a link-local address. */
  readonly address: string;
  readonly links: readonly { readonly kind: FoundKind; readonly port: number }[];
  /** As `serve` and `device` write addresses; none for an address with a zone, which has no place in a URL. */
  readonly urls: readonly string[];
}

export type FoundKind = 'tcp' | 'tls' | 'udp';

const SCHEMES: Record<FoundKind, string> = { tcp: 'tidelock', tls: 'tidelocks', udp: 'tidelock+udp' };

/** ms between two questions: a datagram may get lost. */
const AGAIN = 1_000;
/** Answers told; whoever floods the link with more has no more room here. */
const MOST = 256;

export interface DiscoverOptions {
  /** ms to wait for answers. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly port?: number;
  /** Where to ask; by default everywhere. */
  readonly local?: readonly Link[];
  /** Called once for each name and address. */
  readonly found: (gateway: FoundGateway) => void;
}

/** Fulfilled when the time is over, with how many ways there were to ask; 0: this machine has no network. */
export async function discover({ timeout, clock, port = DISCOVERY_PORT, local = localLinks(), found }: DiscoverOptions): Promise<number> {
  const core = new DiscoveryCore();
  const token = randomBytes(TOKEN_BYTES);
  const seen = new Set<string>();
  const take = (bytes: Buffer, from: RemoteInfo): void => {
    const frame = core.read(bytes);
    if (frame?.type !== 'offer' || !frame.token.equals(token) || seen.size >= MOST) return;
    const links = frame.links.flatMap(({ link, port: at }) => {
      const kind = kindOf(link);
      return kind === undefined ? [] : [{ kind, port: at }];
    });
    const key = `${frame.name} ${from.address} ${JSON.stringify(links)}`;
    if (links.length === 0 || seen.has(key)) return;
    seen.add(key);
    const urls = from.address.includes('%') ? [] : links.map((each) => `${SCHEMES[each.kind]}://${formatHost(from.address)}:${each.port}`);
    found({ name: frame.name, address: from.address, links, urls });
  };
  const askers = (await Promise.all(local.map((link) => open(link, take)))).filter((asker) => asker !== undefined);
  const question = core.discover(token);
  const end = clock.now() + timeout;
  for (let left = timeout; left > 0; left = end - clock.now()) {
    for (const asker of askers) asker.ask(question, port);
    await new Promise<void>((resolve) => void clock.after(Math.min(left, AGAIN), resolve, true));
  }
  await Promise.all(askers.map(({ close }) => close()));
  return askers.length;
}

function kindOf(link: number): FoundKind | undefined {
  return link === 0 ? 'tcp' : link === LINK_TLS ? 'tls' : link === LINK_DATAGRAM ? 'udp' : undefined;
}

interface Asker {
  ask(question: Buffer, port: number): void;
  close(): Promise<void>;
}

/** A socket for each link, because the system sends a multicast over one. Undefined where it cannot be opened. */
async function open({ family, local, broadcast }: Link, take: (bytes: Buffer, from: RemoteInfo) => void): Promise<Asker | undefined> {
  const socket: Socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  const close = (): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, family === 4 ? local : '::', resolve);
    });
    socket.on('error', () => undefined); // an interface that went down: the others are asked all the same
    socket.setMulticastTTL(1);
    socket.setMulticastInterface(family === 4 ? local : `::%${local}`);
    if (broadcast !== undefined) {
      socket.setBroadcast(true);
      socket.setTTL(1);
    }
  } catch {
    await close();
    return undefined;
  }
  socket.on('message', take);
  const targets = [family === 4 ? GROUP_V4 : `${GROUP_V6}%${local}`, ...(broadcast === undefined ? [] : [broadcast])];
  return {
    ask: (question, port) => {
      for (const target of targets) socket.send(question, port, target, () => undefined);
    },
    close,
  };
}
