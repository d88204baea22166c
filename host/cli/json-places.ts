/**
 * JSON (RFC 8259) that remembers where each value stands, so that a fault in a configuration file can be named with its
 * line. JSON.parse says the place of a syntax error at best, never that of a value of the wrong kind.
 */

/** A value with the offset of its first character. */
export interface Placed {
  readonly value: string | number | boolean | null | readonly Placed[] | ReadonlyMap<string, Placed>;
  readonly at: number;
  /** Of a member of an object: the offset of its name. */
  readonly nameAt?: number;
}

export class JsonFault extends Error {
  readonly at: number;

  constructor(text: string, at: number) {
    super(text);
    this.at = at;
  }
}

/** A configuration is shallow; the bound keeps a hostile file from using up the stack. */
const DEEPEST = 32;

/** `line:column`, both from 1; a column counts UTF-16 units, as editors do. */
export function lineAndColumn(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return `${line}:${at - before.lastIndexOf('\n')}`;
}

/** Throws JsonFault. */
export function parseJson(text: string): Placed {
  return new Parser(text).document();
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    // RFC 8259 8.1: a byte order mark may be ignored; editors on Windows write one.
    if (text.charCodeAt(0) === 0xfeff) this.#at = 1;
  }

  document(): Placed {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#fault('something follows the end of the JSON');
    return value;
  }

  #value(depth: number): Placed {
    if (depth > DEEPEST) throw this.#fault(`nested deeper than ${DEEPEST}`);
    this.#space();
    const at = this.#at;
    switch (this.#text[at]) {
      case '{':
        return { value: this.#object(depth), at };
      case '[':
        return { value: this.#array(depth), at };
      case '"':
        return { value: this.#string(), at };
      case undefined:
        throw this.#fault('the JSON ends where a value should be');
    }
    const word = /[^\s,:[\]{}"]+/y;
    word.lastIndex = at;
    const token = word.exec(this.#text)?.[0];
    if (token === undefined) throw this.#fault(`${JSON.stringify(this.#text[at])} where a value should be`);
    this.#at += token.length;
    if (token === 'true') return { value: true, at };
    if (token === 'false') return { value: false, at };
    if (token === 'null') return { value: null, at };
    if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(token)) return { value: Number(token), at };
    throw new JsonFault(`${JSON.stringify(token.slice(0, 40))} is no JSON value; text stands in double quotes`, at);
  }

  #object(depth: number): Map<string, Placed> {
    const members = new Map<string, Placed>();
    this.#at += 1;
    this.#space();
    if (this.#take('}')) return members;
    for (;;) {
      this.#space();
      const nameAt = this.#at;
      if (this.#text[nameAt] !== '"') throw this.#fault('a name in double quotes should be here');
      const name = this.#string();
      if (members.has(name)) throw new JsonFault(`${JSON.stringify(name)} stands here twice`, nameAt);
      this.#space();
      if (!this.#take(':')) throw this.#fault(`":" should follow ${JSON.stringify(name)}`);
      members.set(name, { ...this.#value(depth + 1), nameAt });
      this.#space();
      if (this.#take('}')) return members;
      if (!this.#take(',')) throw this.#fault('"," or "}" should be here');
    }
  }

  #array(depth: number): Placed[] {
    const items: Placed[] = [];
    this.#at += 1;
    this.#space();
    if (this.#take(']')) return items;
    for (;;) {
      items.push(this.#value(depth + 1));
      this.#space();
      if (this.#take(']')) return items;
      if (!this.#take(',')) throw this.#fault('"," or "]" should be here');
    }
  }

  #string(): string {
    const from = this.#at;
    let to = from + 1;
    while (to < this.#text.length && this.#text[to] !== '"' && this.#text[to] !== '\n') {
      to += this.#text[to] === '\\' ? 2 : 1;
    }
    if (this.#text[to] !== '"') throw new JsonFault('a text without its closing quote', from);
    this.#at = to + 1;
    try {
      return JSON.parse(this.#text.slice(from, to + 1)) as string;
    } catch {
      throw new JsonFault('a text with a control character or an unknown escape', from);
    }
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #fault(text: string): JsonFault {
    return new JsonFault(text, this.#at);
  }
}
