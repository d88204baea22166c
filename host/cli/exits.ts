/** Exit codes, the same for every command; docs/cli.md lists them. */
export const EXIT_OK = 0;
/** It could not be done; the line on stderr says why. */
export const EXIT_FAILED = 1;
/** The command was not written right: an unknown word or option, a configuration with faults. */
export const EXIT_USAGE = 2;
/** It was sent or queued, but what was asked for did not come true: expired, refused, in doubt. */
export const EXIT_NOT_DELIVERED = 3;
/** 128 and the number of the signal, as shells count: ended at once by a second signal. */
export const EXIT_SIGINT = 130;
export const EXIT_SIGTERM = 143;
