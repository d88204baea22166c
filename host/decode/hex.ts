/**
 * Bytes written as hexadecimal digits: with white space, `:`, `-`, `,` or `0x` between them, or as xxd and hexdump -C print them.
 * A line may begin with `>` (to the gateway) or `<` (to the device).
 */
import type { Direction } from '../core/observer.js';

export interface HexLine {
  bytes: Buffer;
  direction: Direction | undefined;
  /** Of the line in its text, from 1. */
  line: number;
}

export interface HexFault {
  line: number;
  /** Column from 1. */
  column: number;
  text: string;
}

/** `00000000: 8125 0100  ascii`, as xxd prints it, and `00000000  81 25 01 00  02 03  |ascii|` of hexdump -C. */
const XXD = /^[0-9a-f]{4,16}:\s((?:[0-9a-f]{2,4}\s)*[0-9a-f]{2,4})?(?:\s\s.*)?$/i;
const HEXDUMP = /^[0-9a-f]{4,16}\s\s((?:[0-9a-f]{2}\s{1,2})*[0-9a-f]{2})\s*(?:\|.*\|)?$/i;
/** hexdump's last line, which is an offset alone. */
const DUMP_END = /^[0-9a-f]{7,8}$/i;

/** The digits of a dump's line, undefined where it is none. */
function dumped(line: string): string | undefined {
  const found = XXD.exec(line) ?? HEXDUMP.exec(line);
  return found ? (found[1] ?? '').replace(/\s/g, '') : undefined;
}

/** True where a text may be hexadecimal digits as above; its bytes are looked at, not converted. */
export function looksLikeHex(text: string): boolean {
  const [first = ''] = text.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
  return /^\s*[<>]?\s*(?:0x)?[0-9a-f]{2}/i.test(first) && (dumped(first.trim()) !== undefined || /^[\s<>:,x\-0-9a-f]*$/i.test(first));
}

/** Every line that holds bytes; the lines of a dump are one. `fault` is called for what is no digit, and the line is left out. */
export function readHex(text: string, fault: (fault: HexFault) => void): HexLine[] {
  const lines: HexLine[] = [];
  /** Digits of the dump that is being read, put together once it has ended. */
  let dump: string[] = [];
  let begun = 0;
  const finish = (): void => {
    if (dump.length > 0) lines.push({ bytes: Buffer.from(dump.join(''), 'hex'), direction: undefined, line: begun });
    dump = [];
  };
  text.split('\n').forEach((raw, index) => {
    const trimmed = raw.trim();
    const digits = dumped(trimmed);
    if (digits !== undefined) {
      if (dump.length === 0) begun = index + 1;
      dump.push(digits);
      return;
    }
    if (dump.length > 0 && DUMP_END.test(trimmed)) return;
    finish();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const line = plain(raw, index + 1, fault);
    if (line) lines.push(line);
  });
  finish();
  return lines;
}

function plain(raw: string, line: number, fault: (fault: HexFault) => void): HexLine | undefined {
  const mark = /^\s*([<>])/.exec(raw);
  const direction = mark === null ? undefined : mark[1] === '>' ? 'to gateway' : 'to device';
  const digits = raw.slice(mark?.[0].length ?? 0).replace(/0x|[\s:,-]/gi, '');
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong) {
    fault({ line, column: raw.indexOf(wrong[0]) + 1, text: `${JSON.stringify(wrong[0])} is no hexadecimal digit` });
    return undefined;
  }
  if (digits.length % 2 !== 0) {
    fault({ line, column: raw.trimEnd().length, text: `${digits.length} digits are no whole number of bytes` });
    return undefined;
  }
  return digits === '' ? undefined : { bytes: Buffer.from(digits, 'hex'), direction, line };
}
