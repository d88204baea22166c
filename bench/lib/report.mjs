/** Rows as a table for a reader, and as JSON for a program. */

const SCALES = {
  ns: [[1e6, 'ms'], [1e3, 'µs'], [1, 'ns']],
  µs: [[1, 'µs']],
  'messages/s': [[1e6, 'M/s'], [1e3, 'k/s'], [1, '/s']],
  bytes: [[2 ** 20, 'MiB'], [2 ** 10, 'KiB'], [1, 'B']],
  s: [[1, 's'], [1e-3, 'ms']],
};

/** `913.4, 'ns'` → `913 ns`. */
export function quantity(value, unit) {
  const scales = SCALES[unit] ?? [[1, unit]];
  const [size, label] = scales.find(([size]) => value >= size) ?? scales.at(-1);
  const scaled = value / size;
  return `${scaled.toFixed(scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2)} ${label}`;
}

const HEAD = ['', 'ours', 'peer', 'ratio', 'goal', 'spread', 'against'];

/** @returns {string} the table, one line a row */
export function table(rows) {
  const lines = rows.map((row) => [
    row.name,
    quantity(row.ours, row.unit),
    quantity(row.peer, row.unit),
    `${row.ratio.toFixed(2)} ×`,
    goalText(row),
    `${row.spreadOurs.toFixed(0)} / ${row.spreadPeer.toFixed(0)} %`,
    row.peerName,
  ]);
  const widths = HEAD.map((head, column) => Math.max(head.length, ...lines.map((line) => line[column].length)));
  const left = new Set([0, 4, 6]);
  const format = (line) =>
    line.map((cell, column) => (left.has(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ').trimEnd();
  return [format(HEAD), '-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2)), ...lines.map(format)].join('\n');
}

function goalText({ goal, ratio }) {
  if (goal === undefined) return '';
  return `${goal} × ${ratio >= goal ? 'met' : 'missed'}`;
}

/** The rows as `--json` writes them: these keys stay, whatever else the table shows. */
export function plain(rows) {
  return rows.map(({ name, unit, ours, peer, peerName, ratio, spread }) => ({ name, unit, ours, peer, peerName, ratio, spread }));
}
