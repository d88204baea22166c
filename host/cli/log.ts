/** The structured log on stderr: pino's JSON lines, or the same as lines for people. */
import pino from 'pino';
import pc from 'picocolors';
import { escapeText, safeJsonText } from './escape.js';
import type { LogLevel } from './setting-types.js';

export interface LogOptions {
  level: LogLevel;
  format: 'text' | 'json';
}

/** Bytes of log that may wait for a reader of stderr that is slow; what is beyond is dropped and counted. */
const LARGEST_BACKLOG = 1 << 20;

export function createLog({ level, format }: LogOptions, stream: NodeJS.WritableStream = process.stderr): pino.Logger {
  stream.on('error', () => undefined); // whoever read the log has gone; the gateway goes on
  const colours = pc.createColors(pc.isColorSupported && (stream as NodeJS.WriteStream).isTTY === true);
  let dropped = 0;
  const write = (line: string): void => {
    if ((stream as NodeJS.WriteStream).writableLength > LARGEST_BACKLOG) {
      dropped += 1;
      return;
    }
    if (dropped > 0) {
      const lost = JSON.stringify({ level: 40, time: Date.now(), dropped, msg: 'log lines were dropped, because nobody read them' });
      dropped = 0;
      write(`${lost}\n`);
    }
    stream.write(format === 'json' ? safeJsonText(line) : `${readable(line, colours)}\n`);
  };
  return pino({ level, base: undefined }, { write });
}

const LEVELS: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

/** `12:00:01.250 info  device online  device=pump-7 address=127.0.0.1:50222` */
function readable(line: string, colours: ReturnType<typeof pc.createColors>): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as { level: number; time: number; msg?: string };
  const paint = level >= 50 ? colours.red : level >= 40 ? colours.yellow : level >= 30 ? colours.green : colours.dim;
  const rest = Object.entries(fields).map(([name, value]) => colours.dim(`${escapeText(name)}=`) + escapeText(fieldText(value)));
  return `${colours.dim(clockTime(time))} ${paint((LEVELS[level] ?? '').padEnd(5))} ${escapeText(msg ?? '')}${rest.length > 0 ? `  ${rest.join(' ')}` : ''}`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === 'object' && value !== null && 'message' in value) return JSON.stringify(value.message);
  return JSON.stringify(value) ?? '';
}

/** Local time of day: a person reads the log as it comes; JSON has the full instant. */
function clockTime(time: number): string {
  const date = new Date(time);
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
