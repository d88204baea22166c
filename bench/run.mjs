#!/usr/bin/env node
/**
 * npm run bench: every figure of the README comes from here. docs/bench.md says what each measures and why it is fair.
 * Each benchmark runs in a process of its own, so that its figures do not depend on which others ran before it.
 */

import { fork } from 'node:child_process';
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CATALOGUE } from './catalogue.mjs';
import { codeOf, messageOf } from './lib/errors.mjs';
import { machineText } from './lib/machine.mjs';
import { plain, quantity, table } from './lib/report.mjs';

const HELP = `npm run bench -- [--only NAME,…] [--json FILE] [--quick]

  --only NAME,…  run these only
  --json FILE    write an array of {name, unit, ours, peer, peerName, ratio, spread};
                 ratio above 1: we are better; spread: interquartile range in % of the median
  --quick        fewer and shorter rounds: shows that it works, its figures are rough
  --help         this text

${CATALOGUE.map(({ name, about }) => `  ${name.padEnd(18)} ${about}`).join('\n')}
`;

class Misuse extends Error {}

/** Reads and checks the command line as a whole. */
function readOptions(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: { only: { type: 'string' }, json: { type: 'string' }, quick: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    }));
  } catch (error) {
    throw new Misuse(messageOf(error).split('. ')[0]);
  }
  const names = values.only?.split(',').map((name) => name.trim()).filter(Boolean);
  if (names?.length === 0) throw new Misuse('--only wants at least one name');
  const unknown = names?.filter((name) => !CATALOGUE.some((entry) => entry.name === name)) ?? [];
  if (unknown.length > 0) throw new Misuse(`no benchmark is named ${unknown.map((name) => `"${name}"`).join(', ')}`);
  if (values.json !== undefined) checkWritable(values.json);
  return { ...values, entries: CATALOGUE.filter(({ name }) => names?.includes(name) ?? true) };
}

/** An hour of measuring must not end at a directory that does not exist. */
function checkWritable(file) {
  const path = resolve(file);
  try {
    if (existsSync(path) && statSync(path).isDirectory()) throw new Error('it is a directory');
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw new Misuse(`--json ${file}: cannot write there (${codeOf(error) ?? messageOf(error)})`);
  }
}

/** Runs one benchmark in its own process. Gives its rows and notes, or throws with the reason. */
function runEntry(entry, quick) {
  return new Promise((done, fail) => {
    const rows = [];
    const notes = [];
    let reason;
    let skipped = false;
    const worker = fork(fileURLToPath(new URL('./lib/worker.mjs', import.meta.url)), [], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const clock = setTimeout(() => {
      reason = `did not finish within ${entry.seconds} s and was stopped`;
      worker.kill('SIGKILL');
    }, entry.seconds * 1000);
    worker.on('message', (/** @type {any} */ event) => {
      if (event.kind === 'round') progress(event);
      else if (event.kind === 'row') rows.push(event.row);
      else if (event.kind === 'note') notes.push(event.text);
      else if (event.kind === 'skipped') {
        skipped = true;
        notes.push(event.text);
      } else if (event.kind === 'failed') reason = event.text;
    });
    worker.on('error', (error) => (reason ??= error.message));
    worker.on('close', (code, signal) => {
      clearTimeout(clock);
      endProgress();
      if (reason === undefined && code !== 0) reason = `its process ended with ${signal ?? `code ${code}`}`;
      if (reason === undefined && rows.length === 0 && !skipped) reason = 'it measured nothing';
      if (reason === undefined) done({ rows, notes });
      else fail(new Error(`${entry.name}: ${reason}`));
    });
    worker.send({ file: entry.file, name: entry.name, quick: quick === true });
  });
}

/** On a terminal one line that is written over, else a line a round. */
function progress({ name, round, rounds, unit, ours, peer, peerName, text }) {
  const figures = text ?? `ours ${quantity(ours, unit)}, ${peerName} ${quantity(peer, unit)}`;
  const line = `${name}  ${round === 0 ? 'warm-up' : `round ${round}/${rounds}`}  ${figures}`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}` : `${line}\n`);
}

function endProgress() {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return void process.stdout.write(HELP);
  process.stdout.write(`${machineText()}\n`);
  if (options.quick) process.stdout.write('--quick: short rounds, rough figures\n');
  const rows = [];
  const notes = [];
  const failures = [];
  for (const entry of options.entries) {
    try {
      const result = await runEntry(entry, options.quick);
      rows.push(...result.rows);
      notes.push(...result.notes);
    } catch (error) {
      failures.push(messageOf(error));
      process.stderr.write(`${messageOf(error)}\n`);
    }
  }
  if (rows.length > 0) process.stdout.write(`\n${table(rows)}\n`);
  if (notes.length > 0) process.stdout.write(`\n${notes.map((note) => `  ${note}`).join('\n')}\n`);
  if (failures.length > 0) process.stdout.write(`\nnot measured:\n${failures.map((text) => `  ${text}`).join('\n')}\n`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(plain(rows), null, 2)}\n`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

main().catch((error) => {
  if (!(error instanceof Misuse)) throw error;
  process.stderr.write(`${error.message}; npm run bench -- --help lists options and names\n`);
  process.exitCode = 2;
});
