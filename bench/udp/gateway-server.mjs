/** A gateway on UDP in a process of its own. It counts at its message event and does nothing else with a message. */

import { Gateway } from 'tidelock/gateway';
import { serve } from '../lib/child.mjs';
import { keyOf } from '../lib/keys.mjs';
import { Arrivals } from './arrivals.mjs';

const arrivals = new Arrivals();

serve({
  /** `window`: frames are made ahead of their sending, so they may be older than a live device's. */
  async start({ suite, window }) {
    const gateway = await Gateway.listen({ lookup: (identity) => keyOf(identity), listen: 'tidelock+udp://127.0.0.1:0', suites: [suite], window, idle: 600 });
    gateway.on('message', () => arrivals.message());
    return Number(new URL(gateway.address.replace(/^tidelock\+udp:/, 'http:')).port);
  },
  arm: () => arrivals.arm(),
  result: () => arrivals.result(),
});
