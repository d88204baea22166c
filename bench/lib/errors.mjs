/** What to show of something thrown. */

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {unknown} error @returns {string | undefined} Node's code, such as ENOENT */
export const codeOf = (error) => (error instanceof Error && 'code' in error ? String(error.code) : undefined);

/** The whole error on stderr, where TIDELOCK_BENCH_TRACE asks for it. @param {unknown} error */
export function trace(error) {
  if (process.env.TIDELOCK_BENCH_TRACE && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}
