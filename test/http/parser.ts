/**
 * A strict reader of metrics, after the published grammars: Prometheus' "Exposition formats" (text format 0.0.4) and
 * OpenMetrics 1.0.0. It takes less than they allow (no timestamps, no exemplars), because we write none.
 */
export interface Read {
  /** Families in order: name, type, help. */
  families: Map<string, { type: string; help: string }>;
  /** `name{labels}` as written → value. */
  samples: Map<string, number>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^\n]*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/i;

/** Throws with the line that is wrong. */
export function read(text: string, form: 'prometheus' | 'openmetrics'): Read {
  const families: Read['families'] = new Map();
  const samples: Read['samples'] = new Map();
  const openMetrics = form === 'openmetrics';
  if (!text.endsWith('\n')) throw new Error('no line feed at the end');
  const lines = text.slice(0, -1).split('\n');
  if (openMetrics && lines.pop() !== '# EOF') throw new Error('the last line is not # EOF');
  let family = '';
  let help: string | undefined;
  for (const [index, line] of lines.entries()) {
    const fail = (problem: string): never => {
      throw new Error(`line ${index + 1}: ${problem}: ${line}`);
    };
    if (line.startsWith('#')) {
      const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? fail('neither HELP nor TYPE');
      if (!NAME.test(name)) fail('a bad name');
      if (word === 'HELP') {
        if (families.has(name)) fail('a family twice');
        if (!/^(?:[^\\]|\\[\\n])*$/.test(rest)) fail('a bad escape');
        [family, help] = [name, rest];
      } else {
        if (name !== family || help === undefined) fail('TYPE without its HELP before');
        if (!['counter', 'gauge'].includes(rest)) fail('an unknown type');
        if (openMetrics && name.endsWith('_total')) fail('a family of OpenMetrics does not end in _total');
        if (!openMetrics && (rest === 'counter') !== name.endsWith('_total')) fail('a counter, and nothing else, ends in _total');
        families.set(name, { type: rest, help: help! });
        help = undefined;
      }
      continue;
    }
    const [, name = '', labels, value = ''] = SAMPLE.exec(line) ?? fail('no sample');
    const { type } = families.get(family) ?? fail('a sample before its TYPE');
    if (name !== (openMetrics && type === 'counter' ? `${family}_total` : family)) fail('a sample among those of another family');
    if (!VALUE.test(value)) fail('a bad value');
    if (type === 'counter' && !(Number(value) >= 0)) fail('a counter below 0');
    const names = new Set<string>();
    for (let rest = labels ?? ''; rest !== ''; ) {
      const [whole, label = '', , comma] = LABEL.exec(rest) ?? fail('bad labels');
      if (names.has(label) || label.startsWith('__')) fail('a bad label');
      names.add(label);
      rest = rest.slice(whole.length);
      if (comma === ',' && rest === '') fail('a comma without a label after it');
    }
    const series = line.slice(0, line.lastIndexOf(' '));
    if (samples.has(series)) fail('a series twice');
    samples.set(series, Number(value));
  }
  for (const name of families.keys()) {
    if (![...samples.keys()].some((series) => series.split('{', 1)[0]!.replace(/_total$/, '') === name.replace(/_total$/, ''))) throw new Error(`${name} has no sample`);
  }
  return { families, samples };
}
