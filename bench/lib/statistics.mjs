/** Medians and spread: a mean would let one round that met a busy machine decide. */

/** The value at `part` (0 … 1) of the sorted list, linear between neighbours. */
export function quantile(values, part) {
  if (values.length === 0) throw new RangeError('quantile of no values');
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export const median = (values) => quantile(values, 0.5);

/** Interquartile range as per cent of the median: half of all rounds lie within it. */
export function spread(values) {
  return (100 * (quantile(values, 0.75) - quantile(values, 0.25))) / median(values);
}
