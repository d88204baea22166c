/**
 * Metrics as text, in the two forms that Prometheus reads: its text format 0.0.4, and OpenMetrics 1.0, which differs
 * in the names of counters' families and in its closing line. Written by hand: the values are counted elsewhere and
 * only read here, so a library of metrics would be a second set of counters to keep equal to the first.
 */

export interface Sample {
  /** Names of [a-z_]; every value is one of a few that are known beforehand. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  /** With its unit; a counter's ends in `_total`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  /** One sentence without its full stop. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

export type Form = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<Form, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** A family of one sample. */
export function single(type: Family['type'], name: string, help: string, value: number): Family {
  return { name, type, help, samples: [{ value }] };
}

/** The text of all families; one without a sample is left out. */
export function exposition(families: readonly Family[], form: Form): string {
  let text = '';
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue;
    const family = form === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
    text += `# HELP ${family} ${escape(help)}\n# TYPE ${family} ${type}\n`;
    for (const { labels, value } of samples) text += `${name}${labelSet(labels)} ${number(value)}\n`;
  }
  return form === 'openmetrics' ? `${text}# EOF\n` : text;
}

function labelSet(labels: Sample['labels']): string {
  const pairs = Object.entries(labels ?? {}).map(([name, value]) => `${name}="${escape(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
