/** tcp.sealed: see throughput.mjs. */

import { throughput } from './throughput.mjs';

export const run = (context) => throughput('sealed', context);
