/** A QR code in a terminal: two rows of modules a line, light on dark whatever the colours of the terminal are. */
import { encode } from 'uqr';
import { TidelockError } from '../../errors.js';

/** Modules of light around it (ISO/IEC 18004, 6.3.8). */
const QUIET = 4;

/** `colours`: false where escape sequences must not be; then it is meant for a dark background. */
export function qrLines(text: string, colours: boolean): string[] {
  const { data } = encode(text, { ecc: 'M', border: QUIET });
  const light = (row: number, column: number): boolean => row >= data.length || !data[row]![column]!;
  const lines: string[] = [];
  for (let row = 0; row < data.length; row += 2) {
    let line = '';
    for (let column = 0; column < data.length; column++) {
      const above = light(row, column), below = light(row + 1, column);
      line += above ? (below ? '█' : '▀') : below ? '▄' : ' ';
    }
    lines.push(colours ? `\u001b[97;40m${line}\u001b[0m` : line);
  }
  return lines;
}

/** A code is for eyes. Throws INPUT_INVALID where it would go into a file or a pipe, and nobody said so. */
export function checkTerminal(forced: boolean): void {
  if (forced || process.stdout.isTTY) return;
  throw new TidelockError('INPUT_INVALID', {
    what: 'the QR code', problem: 'has the key in it, and stdout is no terminal', remedy: 'Call it in a terminal, or say --force where a file or a pipe is meant.',
  });
}
