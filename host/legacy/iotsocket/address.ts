/** Addresses of IoTSocket: `iotsocket://host[:port]`, and `iotsockets://…` inside TLS. They are Tidelock's links under another name. */
import { TidelockError } from '../../errors.js';
import { parseAddress, type Address } from '../../transport/address.js';

/** The port of the Python package's examples. */
const PORT = 9_000;

/** Throws BAD_ADDRESS. */
export function parseIotsocketAddress(text: string): Address {
  if (typeof text !== 'string') throw new TypeError('an address must be a string such as iotsocket://host:9000');
  if (!/^iotsockets?:/i.test(text)) {
    throw new TidelockError('BAD_ADDRESS', { problem: 'a scheme other than iotsocket and iotsockets', address: JSON.stringify(text.replace(/\/\/[^/]*@/, '//…@')) });
  }
  const address = parseAddress(text.replace(/^iotsocket/i, 'tidelock'));
  // A port that is written out stays, whichever it is.
  return /:\d+\/?$/.test(text) ? address : { ...address, port: PORT };
}

/** The URL under which a listener is known here. */
export function iotsocketUrl(url: string): string {
  return url.replace(/^tidelock/, 'iotsocket');
}
