/** The matrix: every link with every fault that it may meet, both ways. */
import { FAULTS, runCell, type Cell, type FaultKind, type FaultName, type Result } from './cell.js';
import { LINKS, type LinkKind } from './links.js';

export interface MatrixOptions {
  /** Acknowledged messages, shared out over the cells. */
  messages: number;
  seed: number;
  progress?: (cell: string, acknowledged: number) => void;
}

export function cells(): Cell[] {
  const list: Cell[] = [];
  for (const link of Object.keys(LINKS) as LinkKind[]) {
    for (const [fault, { on }] of Object.entries(FAULTS) as [FaultName, FaultKind][]) {
      if (on.includes(link)) list.push({ link, fault, direction: 'up' }, { link, fault, direction: 'down' });
    }
  }
  return list;
}

/** One cell after the other; `each` hears of each. */
export async function runMatrix(chosen: readonly Cell[], options: MatrixOptions, each: (result: Result) => void): Promise<Result[]> {
  const results: Result[] = [];
  const messages = Math.ceil(options.messages / chosen.length);
  for (const [i, cell] of chosen.entries()) {
    const name = `${cell.link}, ${cell.fault}, ${cell.direction}`;
    const { progress } = options;
    const result = await runCell(cell, { messages, seed: options.seed + i, progress: progress && ((acknowledged) => progress(name, acknowledged)) });
    results.push(result);
    each(result);
  }
  return results;
}

export function total(results: readonly Result[]): Omit<Result, 'cell' | 'seed'> {
  const sum = { sent: 0, acknowledged: 0, received: 0, repeated: 0, lost: 0, expired: 0, inDoubt: 0, strikes: 0, sessions: 0, seconds: 0, virtualSeconds: 0 };
  for (const result of results) for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += result[name];
  return { ...sum, problems: results.flatMap(({ problems }) => problems) };
}
