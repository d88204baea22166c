/** bridge.through: see up.mjs. */

import { up } from './up.mjs';

export const run = (context) => up('through', 1, context);
