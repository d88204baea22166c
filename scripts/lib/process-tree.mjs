/** Starting a child in a process group of its own, and ending it with everything that it has started. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const windows = process.platform === 'win32';

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 */
export function startGroup(command, args, options) {
  return spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: !windows, windowsHide: true });
}

/**
 * Kills the child that `startGroup` made, its process group, and its descendants that left the group.
 * Call it after the child's own end too: what it left behind holds its pipes open.
 * @param {import('node:child_process').ChildProcess} child
 */
export function killTree(child) {
  if (child.pid === undefined) return;
  if (windows) {
    spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F'], { stdio: 'ignore' });
    return;
  }
  const strays = child.exitCode === null && child.signalCode === null ? descendants(child.pid) : [];
  for (const target of [-child.pid, ...strays]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // gone already
    }
  }
}

/**
 * Every process below `pid`. Only while `pid` lives: afterwards its children belong to another.
 * @param {number} pid
 */
function descendants(pid) {
  const rows = processes();
  const found = new Set([pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const [id, parent] of rows) {
      if (found.has(parent) && !found.has(id)) grew = found.add(id) !== undefined;
    }
  }
  found.delete(pid);
  return [...found];
}

/** @returns {[id: number, parent: number][]} every process; /proc first, because slim containers have no ps */
function processes() {
  if (existsSync('/proc/self/stat')) {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
      try {
        // The command's name, in brackets, may hold anything: what follows the last one is state, then parent (proc(5)).
        const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
        return [/** @type {[number, number]} */ ([Number(name), Number(parent)])];
      } catch {
        return []; // ended meanwhile
      }
    });
  }
  const { stdout } = spawnSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return (stdout ?? '').trim().split('\n').map((line) => {
    const [id = 0, parent = 0] = line.trim().split(/\s+/).map(Number);
    return [id, parent];
  });
}
