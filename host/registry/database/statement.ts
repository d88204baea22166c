/**
 * Statements of the query builder, compiled once. Building and compiling one costs tens of microseconds, more than SQLite
 * takes to run it; a commit of a thousand messages runs hundreds. Values are filled in by name at each run.
 */
import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { Tables } from './schema.js';

/** Stands in the built statement where a value will be. */
class Gap {
  readonly name: string;
  readonly row: number;

  constructor(name: string, row: number) {
    this.name = name;
    this.row = row;
  }
}

export type Values<P> = { readonly [Name in keyof P]: P[Name] };

/** A statement with its values. Dialects other than SQLite's find their own text by `template`, which is always the same object. */
export interface Filled extends CompiledQuery {
  readonly template: CompiledQuery;
}

export class Statement<P, R> {
  readonly #compiled: CompiledQuery<R>;
  readonly #names: readonly (string | undefined)[];

  constructor(compiled: CompiledQuery<R>) {
    this.#compiled = compiled;
    this.#names = compiled.parameters.map((parameter) => (parameter instanceof Gap ? parameter.name : undefined));
  }

  /** The statement with its values, for `executeQuery`. */
  with(values: Values<P>): CompiledQuery<R> {
    const { query, queryId, sql, parameters } = this.#compiled;
    const given = values as Record<string, unknown>;
    const filled: Filled = { query, queryId, sql, template: this.#compiled, parameters: this.#names.map((name, i) => (name === undefined ? parameters[i] : given[name])) };
    return filled;
  }
}

/** `build` gets each value as a gap of that name. */
export function statement<P>() {
  return <R>(build: (gaps: P) => Compilable<R>): Statement<P, R> => new Statement(build(gaps<P>(0)).compile());
}

function gaps<P>(row: number): P {
  return new Proxy({}, { get: (_, name) => new Gap(String(name), row) }) as P;
}

/** A statement over any number of rows: one is compiled for each power of two up to `most`, and rows are given in such groups. */
export class RowsStatement<P, R> {
  readonly #build: (rows: P[]) => Compilable<R>;
  readonly #most: number;
  readonly #compiled = new Map<number, CompiledQuery<R>>();

  constructor(most: number, build: (rows: P[]) => Compilable<R>) {
    this.#build = build;
    this.#most = most;
  }

  /** Runs it over all rows, in order, in as many steps as it takes. */
  async run(db: Kysely<Tables>, rows: readonly Values<P>[]): Promise<{ changed: number; rows: R[] }> {
    let changed = 0;
    const returned: R[] = [];
    for (let at = 0; at < rows.length; ) {
      let count = this.#most;
      while (count > rows.length - at) count >>= 1;
      const compiled = this.#of(count);
      const parameters = compiled.parameters.map((gap) =>
        gap instanceof Gap ? (rows[at + gap.row] as Record<string, unknown>)[gap.name] : gap);
      const filled: Filled = { ...compiled, template: compiled, parameters };
      const result = await db.executeQuery<R>(filled);
      changed += Number(result.numAffectedRows ?? 0n);
      for (const row of result.rows) returned.push(row);
      at += count;
    }
    return { changed, rows: returned };
  }

  #of(count: number): CompiledQuery<R> {
    let compiled = this.#compiled.get(count);
    if (compiled === undefined) {
      compiled = this.#build(Array.from({ length: count }, (_, row) => gaps<P>(row))).compile();
      this.#compiled.set(count, compiled);
    }
    return compiled;
  }
}
