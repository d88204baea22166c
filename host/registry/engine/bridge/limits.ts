/** Bounds that the registry checks as it is called, and its engine again. */

/** Identities of one rule of fan-out: each message under it makes as many rows. */
export const MOST_IDENTITIES = 1_000;
