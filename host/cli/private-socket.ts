/** A Unix socket for its owner alone, from its first moment; on Windows a named pipe. */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { TidelockError } from '../errors.js';
import { bindablePath, isPipe, prepareFolder, type SocketPurpose } from './control/path.js';

/** Throws the error of `purpose` where it cannot be made or another program answers there. */
export async function listenPrivately(path: string, purpose: SocketPurpose): Promise<net.Server> {
  const place = bindablePath(path, purpose);
  prepareFolder(path, purpose);
  await removeStale(path, place, purpose);
  const server = net.createServer();
  await bind(server, path, place, purpose);
  server.on('error', () => undefined); // a client that cannot be accepted tries again
  return server;
}

/** A socket that nobody answers at is what a crash left behind. */
async function removeStale(path: string, place: string, purpose: SocketPurpose): Promise<void> {
  const answer = await new Promise<string>((resolve) => {
    const probe = net.connect(place);
    probe.on('connect', () => {
      probe.destroy();
      resolve('connected');
    });
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  if (answer === 'connected') throw purpose.taken(path);
  if (answer !== 'ECONNREFUSED' || isPipe(path)) return;
  try {
    // connect(2) is refused by a plain file as well: that one is somebody's, and stays.
    if (lstatSync(place).isSocket()) unlinkSync(place);
  } catch {
    // listen says it better
  }
}

async function bind(server: net.Server, path: string, place: string, purpose: SocketPurpose): Promise<void> {
  // The mode holds from the moment the file appears: bind(2) applies the umask, and listen binds before it returns.
  const umask = isPipe(path) ? undefined : process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(place, () => {
        server.off('error', reject);
        resolve();
      });
      if (umask !== undefined) process.umask(umask);
    });
    if (!isPipe(path)) chmodSync(place, 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw purpose.taken(path);
    const remedy = `Give another path with ${purpose.flag}.`;
    throw new TidelockError(purpose.code, { socket: path, problem: `cannot be made: ${message}`, remedy }, { cause: error });
  }
}
