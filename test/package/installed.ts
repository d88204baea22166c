/** The package as a user gets it: packed, and installed into an empty directory. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const manifest = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as {
  name: string;
  version: string;
  bin: Record<string, string>;
  exports: Record<string, string | { types: string; default: string }>;
  dependencies: Record<string, string>;
};

const windows = process.platform === 'win32';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Finished {
  const environment: NodeJS.ProcessEnv = { ...process.env, ...env };
  // What npm tells the scripts that it runs must not reach another npm: it would install into the wrong place.
  for (const name of Object.keys(environment)) {
    if (/^npm_(config_(local_)?prefix|lifecycle|package|command|execpath)/i.test(name)) delete environment[name];
  }
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', env: environment, shell: windows && command === 'npm' });
  if (error) throw error;
  return { code: status, stdout, stderr };
}

/** The same, where anything but success is a fault of the test's ground. */
export function must(command: string, args: string[], cwd: string): string {
  const { code, stdout, stderr } = run(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

export interface Installed {
  /** The directory of the user's project. */
  directory: string;
  /** Paths in the tarball, without the leading `package/`. */
  files: string[];
  remove(): void;
}

/**
 * Packs the repository as it is built and installs it with its dependencies. Their tarballs are in npm's cache where
 * the repository itself was installed by npm; only what is missing there is fetched.
 */
export function install(): Installed {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'tidelock-package-'));
  const [packed] = JSON.parse(must('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], repository)) as [
    { filename: string; files: { path: string }[] },
  ];
  writeFileSync(path.join(directory, 'package.json'), '{ "name": "user", "private": true, "type": "module" }\n');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `./${packed.filename}`];
  if (run('npm', [...args, '--offline'], directory).code !== 0) must('npm', [...args, '--prefer-offline'], directory);
  return {
    directory,
    files: packed.files.map((file) => file.path),
    remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}
