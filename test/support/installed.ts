/** The built package as it stands in somebody's node_modules, without what is optional. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a module with the package beside it; `prepare` puts more into its node_modules, or a broken one. */
export function runInstalled(module: string, prepare: (modules: string) => void = () => undefined): { status: number | null; output: string } {
  const at = mkdtempSync(path.join(os.tmpdir(), 'tidelock-installed-'));
  try {
    const modules = path.join(at, 'node_modules');
    mkdirSync(path.join(modules, 'tidelock'), { recursive: true });
    cpSync(path.join(root, 'package.json'), path.join(modules, 'tidelock', 'package.json'));
    cpSync(path.join(root, 'dist'), path.join(modules, 'tidelock', 'dist'), { recursive: true });
    symlinkSync(path.join(root, 'node_modules', 'kysely'), path.join(modules, 'kysely'), 'junction');
    prepare(modules);
    writeFileSync(path.join(at, 'run.mjs'), module);
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(at, 'run.mjs')], { encoding: 'utf8', timeout: 60_000 });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}
