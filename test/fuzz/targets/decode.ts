// What `tidelock decode` reads: text, streams, datagrams, captures.

import { strict as assert } from 'node:assert';
import { Decoder, type DecodeOptions, type Item } from '../../../dist/host/decode/index.js';
import { Observer } from '../../../dist/host/core/observer.js';
import { brief, ofInput, session, sealedDatagram, sealedStream, WHOLE } from '../../decode/support.js';
import { unhex } from '../../reference/bytes.js';
import { corpus, type Target } from '../target.js';

/** What was sealed in the sessions of the corpus: nothing else may ever be said to hold. */
const BODIES = new Set(['21.5', 'valve is open', 'close it']);
const KEYS = [sealedStream, sealedDatagram];
const keys: NonNullable<DecodeOptions['keys']> = (identity) => KEYS.filter(({ hello }) => hello.identity === identity).map(({ deviceKey }) => unhex(deviceKey));

function target(name: string, options: DecodeOptions, asText = false): Target {
  return {
    name,
    async open() {
      const observer = new Observer();
      const feed = (input: Buffer): Item[] => {
        const items: Item[] = [];
        const decoder = new Decoder({ ...options, keys }, (item) => items.push(item), observer);
        if (asText) decoder.hex(input.toString('latin1'));
        else {
          // In two pieces: the place is the input's own.
          const half = input.length === 0 ? 0 : (input[0]! * 7919) % input.length;
          const read = decoder.input();
          read.push(input.subarray(0, half));
          read.push(input.subarray(half));
          read.end();
        }
        decoder.end();
        // A line for each byte at most: what is said is bounded by what was given.
        assert.ok(items.length <= input.length + 8, `${items.length} items of ${input.length} bytes`);
        for (const item of items) {
          if (item.kind === 'note') continue;
          assert.ok(item.verdict === 'holds' || item.why !== '');
          if (item.verdict === 'holds' && item.type === 'DATA') assert.ok(BODIES.has(String(item.body)), `holds, and nobody sealed it: ${String(item.body)}`);
        }
        return items;
      };
      return {
        feed: (input) => void feed(input),
        check() {
          assert.match(brief(feed(corpus(name)[0]!)), /READY DATA DATA ACK PING DATA ACK CLOSE$/);
          const bytes = Buffer.concat(session(sealedStream).map((each) => each.bytes));
          assert.equal(brief(ofInput({ keys }, bytes)), WHOLE);
        },
        close: () => undefined,
      };
    },
  };
}

export const targets = [
  target('decode-hex', {}, true),
  target('decode-stream', {}),
  target('decode-datagrams', { datagram: true }, true),
  target('decode-pcap', {}),
  target('decode-pcapng', {}),
];
