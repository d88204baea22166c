// IoTSocket frames as the Python package writes them, spelled out by hand: what the core makes is held against these.

export const ID = '1234567890';
export const KEY = 'goodkey123';
/** The accounts of every conversation: both devices have the same key, as in many installations. */
export const ACCOUNTS: Readonly<Record<string, string>> = { [ID]: KEY, '1234567891': KEY, '0000000042': KEY };

/** TIME of `unix` ms, `off` seconds away, as Python's f'{t:.4f}' prints it. */
export function stamp(unix: number, off = 0): string {
  const units = Math.round(unix * 10 + off * 10_000);
  return `${Math.floor(units / 10_000)}.${String(units % 10_000).padStart(4, '0')}`;
}

export interface Headers {
  iot?: string;
  date?: string;
  time: string;
  device?: string;
  key?: string;
}

/** The header lines in the order of the Python client. */
export function lines({ iot = '1.1', date = '12/12/2019', time, device = ID, key = KEY }: Headers): string {
  return `IOT:${iot}\r\nDATE:${date}\r\nTIME:${time}\r\nDEVICE:${device}\r\nKEY:${key}`;
}

/** A frame as the Python client sends it. */
export function fromClient(headers: Headers, body: string): string {
  return `${lines(headers)}\r\n\r\n\r\n${body}|#|`;
}

/** A frame as the Python server sends it. */
export function fromServer(headers: Headers, body: string): string {
  const { device = ID, key = 'AJ', date = '24/7/2019' } = headers;
  return `\r\n${lines({ ...headers, device, key, date })}\r\n        \r\n\r\n${body}|#|`;
}
