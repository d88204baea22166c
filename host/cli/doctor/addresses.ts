/** Whether the addresses to listen at are free, or ours already. */
import dgram from 'node:dgram';
import net from 'node:net';
import { formatAddress, parseAddress, type Address } from '../../transport/address.js';
import type { Finding } from './finding.js';

export async function checkAddresses(listen: readonly string[], ours: readonly string[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const url of listen) findings.push(await checkAddress(url, ours));
  return findings;
}

async function checkAddress(url: string, ours: readonly string[]): Promise<Finding> {
  const address = parseAddress(url);
  const { host, port, kind } = address;
  const name = formatAddress(address);
  const check = 'address';
  // A serial port that is opened resets many a board behind it: a look must not.
  if (address.kind === 'serial') return { check, verdict: 'ok', text: `${name} is not opened by a look` };
  if (port !== 0 && ours.some((other) => sameAddress(other, address))) return { check, verdict: 'ok', text: `${name} is ours: the running gateway listens there` };
  const reason = await (kind === 'udp' ? tryBinding(host, port) : tryListening(host, port));
  switch (reason) {
    case undefined:
      return { check, verdict: 'ok', text: `${name} is free` };
    case 'EADDRINUSE':
      return { check, verdict: 'fail', text: `PORT_IN_USE: ${name} is in use by another program`, action: 'Stop that program, or listen at another port with --listen.' };
    case 'EACCES':
      return { check, verdict: 'fail', text: `PORT_FORBIDDEN: this user may not listen at ${name}`, action: 'Choose a port of 1024 or above, or grant the right to low ports.' };
    default:
      return { check, verdict: 'fail', text: `LISTEN_FAILED: cannot listen at ${name}: ${reason}`, action: 'Listen at an address that this machine has; 0.0.0.0 or [::] stands for all.' };
  }
}

function sameAddress(url: string, { host, port, kind }: Address): boolean {
  const other = parseAddress(url);
  return other.port === port && other.host === host && (other.kind === 'udp') === (kind === 'udp');
}

/** The error code, or undefined where it could listen. Nobody is accepted. */
function tryListening(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** The same for UDP, which has ports of its own. */
function tryBinding(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(net.isIPv6(host) ? 'udp6' : 'udp4');
    socket.on('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? error.message);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}
