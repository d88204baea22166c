/** tcp.signed: see throughput.mjs. */

import { throughput } from './throughput.mjs';

export const run = (context) => throughput('signed', context);
