/** The deepest stack of compiled C, from gcc's call graph (-fcallgraph-info=su): no recursion, callbacks and the C library count nothing. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from './compiled.js';

interface Node {
  bytes: number;
  calls: Set<string>;
}

/** Text (with read-only data) in bytes of these files, and the deepest stack of any path through them. */
export function measure(compiler: string, flags: readonly string[], sources: readonly string[]): { text: number; stack: number; path: string[] } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidelock-stack-'));
  try {
    const objects = sources.map((file) => path.join(folder, `${path.basename(file, '.c')}.o`));
    for (const [i, file] of sources.entries()) run(compiler, [...flags, '-fcallgraph-info=su', '-c', file, '-o', objects[i]!]);
    const sizes = run(compiler.replace(/gcc$/, 'size'), objects).trim().split('\n').slice(1).map((line) => Number(line.trim().split(/\s+/)[0]));
    const graph = new Map<string, Node>();
    for (const name of readdirSync(folder).filter((name) => name.endsWith('.ci'))) read(readFileSync(path.join(folder, name), 'utf8'), graph);
    return { text: sizes.reduce((sum, bytes) => sum + bytes, 0), ...deepest(graph) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function read(text: string, graph: Map<string, Node>): void {
  for (const [, title = '', label = ''] of text.matchAll(/^node: \{ title: "([^"]+)" label: "([^"]*)"/gm)) {
    const bytes = /(\d+) bytes \((\w+)/.exec(label);
    if (bytes !== null && bytes[2] !== 'static') throw new Error(`${title} takes a stack of no fixed size`);
    const node = graph.get(title) ?? { bytes: 0, calls: new Set() };
    node.bytes = Math.max(node.bytes, Number(bytes?.[1] ?? 0));
    graph.set(title, node);
  }
  for (const [, from = '', to = ''] of text.matchAll(/^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/gm)) graph.get(from)?.calls.add(to);
}

function deepest(graph: Map<string, Node>): { stack: number; path: string[] } {
  const known = new Map<string, { stack: number; path: string[] }>();
  const look = (name: string, above: readonly string[]): { stack: number; path: string[] } => {
    const before = known.get(name);
    if (before !== undefined) return before;
    if (above.includes(name)) throw new Error(`recursion: ${[...above, name].join(' → ')}`);
    const node = graph.get(name);
    let best: { stack: number; path: string[] } = { stack: 0, path: [] };
    for (const callee of node?.calls ?? []) {
      const below = look(callee, [...above, name]);
      if (below.stack > best.stack) best = below;
    }
    const result = { stack: best.stack + (node?.bytes ?? 0), path: [name, ...best.path] };
    known.set(name, result);
    return result;
  };
  return [...graph.keys()].map((name) => look(name, [])).reduce((most, next) => (next.stack > most.stack ? next : most));
}
