/** A connection that ends with RST. */
import type { Socket } from 'node:net';

/**
 * `resetAndDestroy` where it can be had. A socket that is not connected yet would wait for its connection first, and never close where
 * it is destroyed meanwhile. One whose FIN is still waited for cannot be reset (libuv: EINVAL), and Node then keeps it half
 * closed for good: the process turns in its clean-up at exit for ever (seen with Node 20.20).
 */
export function reset(socket: Socket): void {
  if (socket.connecting || (socket.writableEnded && !socket.writableFinished)) socket.destroy();
  else socket.resetAndDestroy();
}
