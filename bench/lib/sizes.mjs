/** How much is measured: enough for the spread to be small, within a minute or so a benchmark. */

export const coreRounds = (quick) => (quick ? { rounds: 5, count: 6_400 } : { rounds: 15, count: 51_200 });
