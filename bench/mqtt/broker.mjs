/** mosquitto, in the hands of a child of ours that ends it. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../lib/child.mjs';

/** Both programs are here. */
export const haveMosquitto = () =>
  process.platform === 'linux' && ['mosquitto', 'mosquitto_sub'].every((name) => spawnSync(name, ['--help'], { stdio: 'ignore' }).error === undefined);

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

/** @param {number} port */
async function answers(port) {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('mosquitto never listened');
}

// The main module of a child; the bench imports `haveMosquitto` only.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = mkdtempSync(join(tmpdir(), 'tidelock-bench-mqtt-'));
  let broker;
  process.on('exit', () => {
    broker?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  serve({
    /** Its bounds are lifted: by its defaults it takes 20 messages in flight a connection, and drops what a subscriber is 1,000 behind. */
    async start() {
      const port = await freePort(), file = join(folder, 'mosquitto.conf');
      const user = process.getuid?.() === 0 ? ['user root'] : [];
      writeFileSync(file, [`listener ${port} 127.0.0.1`, 'allow_anonymous true', ...user, 'max_inflight_messages 0', 'max_queued_messages 0', 'set_tcp_nodelay true', 'log_type none', ''].join('\n'));
      broker = spawn('mosquitto', ['-c', file], { stdio: 'ignore' });
      await answers(port);
      return { port, pid: broker.pid };
    },
  });
}
