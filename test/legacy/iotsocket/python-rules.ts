// The rules of the Python programs, in TypeScript, as an oracle: what they do with stamps, white space and lengths.
// Written from their observed behaviour; imports nothing of ours.

/** A receiver's list of stamps: 100 for the client, 333 for the server. True: taken; false: refused, and the connection ends. */
export class PythonStamps {
  private stamps: number[] = [];

  constructor(private readonly most: number, private readonly pauseByStamp: boolean) {}

  /** `stamp` and `now` in units of 0.1 ms. */
  take(stamp: number, now: number): boolean {
    if (this.stamps.includes(stamp)) return false;
    if (this.stamps.length >= this.most) return false;
    const last = this.stamps.at(-1);
    if (this.stamps.length > 1 && Math.abs(last! - (this.pauseByStamp ? stamp : now)) > 30_000) this.stamps = [];
    if (Math.abs(now - stamp) >= 30_000) return false;
    this.stamps.push(stamp);
    return true;
  }
}

/** str.strip(): the characters of which str.isspace() is true. */
const SPACES = new Set(
  [9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xa0, 0x1680, ...Array.from({ length: 11 }, (_, i) => 0x2000 + i), 0x2028, 0x2029, 0x202f, 0x205f, 0x3000]
    .map((point) => String.fromCodePoint(point)),
);

export function strip(text: string): string {
  const points = Array.from(text);
  while (points.length > 0 && SPACES.has(points[0]!)) points.shift();
  while (points.length > 0 && SPACES.has(points.at(-1)!)) points.pop();
  return points.join('');
}

/** len(). */
export function length(text: string): number {
  return Array.from(text).length;
}

/** bytes.decode(): undefined where it raises. */
export function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
