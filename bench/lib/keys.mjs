/** Keys of the bench's devices: both processes derive them, so that none has to cross between them. */

import { createHash } from 'node:crypto';

export const keyOf = (identity) => createHash('sha256').update(`tidelock bench ${identity}`).digest();
