/** Where the control socket of a database is, and the folder that guards it. */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { TidelockError } from '../../errors.js';

/** sun_path holds 108 bytes on Linux and 104 on macOS and the BSDs, the closing NUL included. */
const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

/** What a socket is for: which error tells that it cannot be made, and which flag gives another path. */
export interface SocketPurpose {
  readonly code: 'CONTROL_PATH' | 'BACKEND_SOCKET';
  readonly flag: string;
  /** Another program answers at `path`. */
  taken(path: string): TidelockError;
}

export const CONTROL_SOCKET: SocketPurpose = {
  code: 'CONTROL_PATH',
  flag: '--control',
  taken: (socket) => new TidelockError('GATEWAY_RUNNING', { socket }),
};

/**
 * The socket that belongs to the database in `file`: in a folder of its own beside it, so that the folder's mode guards
 * the socket from its first moment. Windows: a named pipe, which lives in a name space of its own.
 */
export function defaultControlPath(file: string, platform: NodeJS.Platform = process.platform): string {
  const full = canonical(file);
  if (platform !== 'win32') return path.join(`${full}.control`, 'gateway.sock');
  return `\\\\.\\pipe\\tidelock-${createHash('sha256').update(full.toLowerCase()).digest('hex').slice(0, 32)}`;
}

/** One name for one file, by whatever link its folder is reached. */
function canonical(file: string): string {
  const full = path.resolve(file);
  try {
    return path.join(realpathSync(path.dirname(full)), path.basename(full));
  } catch {
    return full; // the folder does not exist: opening the database will say so
  }
}

/** The shorter of the absolute and the relative form, for the system's bound. Throws CONTROL_PATH, or the purpose's, where neither fits. */
export function bindablePath(socket: string, { code, flag }: SocketPurpose = CONTROL_SOCKET): string {
  if (isPipe(socket)) return socket;
  const full = path.resolve(socket);
  const relative = path.relative(process.cwd(), full);
  const best = relative.length < full.length ? relative : full;
  if (Buffer.byteLength(best) > LONGEST_PATH) {
    throw new TidelockError(code, {
      socket,
      problem: `is longer than the ${LONGEST_PATH} bytes that this system allows for a socket`,
      remedy: `Give a shorter one with ${flag}.`,
    });
  }
  return best;
}

export function isPipe(socket: string): boolean {
  return /^\\\\[.?]\\pipe\\/i.test(socket);
}

/**
 * Makes the folder of the socket with mode 0700. One that exists must belong to this user (or root) and must not be
 * writable for others, or they could put a socket of their own there. Throws the purpose's error.
 */
export function prepareFolder(socket: string, { code: wrong, flag }: SocketPurpose): void {
  if (isPipe(socket)) return;
  const folder = path.dirname(path.resolve(socket));
  const refuse = (problem: string, remedy: string): never => {
    throw new TidelockError(wrong, { socket, problem, remedy });
  };
  try {
    mkdirSync(folder, { mode: 0o700 });
    chmodSync(folder, 0o700); // mkdir takes the umask off; the umask may also have been wider than 0700 needs
    return;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') refuse(`cannot be made: ${message}`, 'Check that the folder above it exists and is writable.');
  }
  const status = lstatSync(folder);
  if (!status.isDirectory()) refuse(`cannot be made: ${folder} is no folder`, `Move it away, or give another path with ${flag}.`);
  const user = process.getuid?.();
  if (user !== undefined && status.uid !== user && status.uid !== 0) {
    refuse(`lies in ${folder}, which belongs to another user`, `Run as that user, or give another path with ${flag}.`);
  }
  if ((status.mode & 0o022) !== 0 && process.platform !== 'win32') {
    refuse(`lies in ${folder}, where others may write`, `Run \`chmod go-w ${folder}\`, or give another path with ${flag}.`);
  }
}
