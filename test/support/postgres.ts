/**
 * A PostgreSQL server of a test's own: real, in a temporary folder, on a Unix socket, run by a user that is not root
 * (it refuses root). It can be killed and started again.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';

/** Folder of initdb and postgres; undefined: there is none here. */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const config = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' });
  const folders = [...versions.map((version) => path.join(debian, version, 'bin')), ...(config.status === 0 ? [config.stdout.trim()] : [])];
  return folders.find((folder) => existsSync(path.join(folder, 'initdb')) && existsSync(path.join(folder, 'postgres')));
}

/** User and group that the server runs as: root's servers are not allowed. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === 'postgres') return { uid: Number(uid), gid: Number(gid) };
  }
  return { uid: 65_534, gid: 65_534 };
}

const servers = new Set<PostgresServer>();
process.once('exit', () => {
  for (const server of servers) server.remove();
});

export class PostgresServer {
  readonly folder: string;
  readonly #bin: string;
  readonly #owner = owner();
  #child: ChildProcess | undefined;
  #schemas = 0;

  private constructor(bin: string) {
    this.#bin = bin;
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-pg-'));
    if (this.#owner.uid !== undefined) chownSync(this.folder, this.#owner.uid, this.#owner.gid!);
  }

  static async start(...settings: string[]): Promise<PostgresServer> {
    const bin = findPostgres();
    if (bin === undefined) throw new Error('no PostgreSQL here');
    const server = new PostgresServer(bin);
    servers.add(server);
    execFileSync(path.join(bin, 'initdb'), ['-D', server.#data, '-U', 'tidelock', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], { stdio: 'pipe', cwd: '/', ...server.#owner });
    await server.run(...settings);
    return server;
  }

  get #data(): string {
    return path.join(this.folder, 'data');
  }

  /** `schema`: what stands there is apart from what stands in others. */
  url(schema = 'public'): string {
    return `postgres:///postgres?host=${encodeURIComponent(this.folder)}&user=tidelock&options=${encodeURIComponent(`-c search_path=${schema}`)}`;
  }

  /** A place with nothing in it. */
  async place(): Promise<string> {
    const schema = `s${++this.#schemas}`;
    const url = this.url(schema);
    await query(this.url(), `create schema ${schema}`);
    return url;
  }

  /** Starts it, again after a kill; fulfilled when it answers. */
  async run(...settings: string[]): Promise<void> {
    for (;;) {
      const options = ['listen_addresses=', `unix_socket_directories=${this.folder}`, 'shared_buffers=16MB', 'max_connections=40', ...settings];
      const child = spawn(path.join(this.#bin, 'postgres'), ['-D', this.#data, ...options.flatMap((option) => ['-c', option])], { stdio: 'ignore', cwd: '/', ...this.#owner });
      child.unref(); // it must not hold the test's process
      this.#child = child;
      const ended = new Promise<false>((resolve) => child.once('exit', () => resolve(false)));
      if (await Promise.race([ended, this.#answers(child)])) return;
      // Children of the one that was killed may hold its memory a moment longer.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #answers(child: ChildProcess): Promise<boolean> {
    while (child.exitCode === null && child.signalCode === null) {
      try {
        await query(this.url(), 'select 1');
        return true;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    return false;
  }

  /** Of the first process, which starts the others, and of those whose names fit, as they are now. */
  pids(names = /./): number[] {
    const { pid = 0 } = this.#child!, children = `/proc/${pid}/task/${pid}/children`;
    const all = existsSync(children) ? readFileSync(children, 'utf8').trim().split(' ').filter(Boolean).map(Number) : [];
    return [pid, ...all.filter((child) => {
      try {
        return names.test(readFileSync(`/proc/${child}/cmdline`, 'latin1'));
      } catch {
        return false; // it has gone
      }
    })];
  }

  /** SIGKILL to all of it: what it has not written is gone, as far as processes go. */
  async kill(): Promise<void> {
    const child = this.#child!;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGSTOP'); // so that it starts no new ones
    const children = this.pids().slice(1);
    child.kill('SIGKILL');
    for (const pid of children) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It had gone by itself.
      }
    }
    await ended;
  }

  remove(): void {
    servers.delete(this);
    this.#child?.kill('SIGKILL');
    for (let tries = 0; tries < 20; tries++) {
      try {
        return rmSync(this.folder, { recursive: true, force: true });
      } catch {
        // Its children end when they see that it has: a moment later.
      }
    }
  }
}

export async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return ((await client.query(text)) as { rows?: Record<string, unknown>[] }).rows ?? [];
  } finally {
    await client.end().catch(() => undefined);
  }
}
