/** Addresses of time servers: `host`, `host:port`, `[IPv6]:port`. */
import { badOption } from '../options.js';

/** NTP's port (RFC 5905 section 16). */
export const NTP_PORT = 123;

export interface TimeAddress {
  readonly host: string;
  readonly port: number;
}

/** Throws BAD_OPTION; `option` is the name of what `text` was given for. */
export function parseTimeAddress(option: string, text: string): TimeAddress {
  const bad = (): Error => badOption(option, text, 'it must be a host, or host:port, without a scheme: pool.ntp.org, 192.0.2.1:123, [2001:db8::1]:123');
  if (typeof text !== 'string') throw bad();
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  // An IPv6 address without brackets has two colons or more, so it cannot have a port.
  const host = bracketed ?? plain ?? (/^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.%\w]*$/i.test(text) ? text : undefined);
  const port = digits === undefined ? NTP_PORT : Number(digits);
  if (host === undefined || /[\s/@?#,]/.test(host) || port > 65_535) throw bad();
  return { host, port };
}
