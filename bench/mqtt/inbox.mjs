/** bridge.inbox: see up.mjs. SQLite flushes each commit to the disk (synchronous = full), as it always does. */

import { up } from './up.mjs';

export const run = (context) => up('inbox', 0.5, context);
