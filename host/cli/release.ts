/**
 * The day of this version, Unix ms. A clock that shows an earlier time is certainly wrong (a board without a battery
 * starts in 1970). It is a constant, raised with the version, because a build must come out the same byte for byte
 * whenever it is made; files of a package carry no date either.
 */
export const RELEASED = Date.UTC(2026, 10, 21);
