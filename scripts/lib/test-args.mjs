/** The arguments of scripts/test.mjs. */
import { parseArgs } from 'node:util';

export const HELP = `Usage: npm test -- [options] [pattern …]

Runs every test/**/*.test.ts in a process of its own, after the build, with lint and type check as two more checks.
A pattern is a part of a file's path, such as core/window or registry; with patterns only the matching files run.

  --only          the tests alone, without lint and type check
  --slow          slow-*.test.ts too
  --without PART  leave out the files whose path has this part; may be given again
  --jobs N        processes at once (default: the processors, at most 4)
  --limit S       seconds after which a file counts as hung (default 240, slow files 1200)
  --dir DIR       where the test files are (default test)
  --no-build      the package as it stands in dist/
  --totals FILE   append the totals to FILE, as JSON
  --help          this text

With CI=true in the environment a test skipped for want of a part (strace, a driver) has failed.
The last line is "N passed, N failed, N skipped"; the exit code is 1 where something failed.
`;

/**
 * @typedef {object} TestArguments
 * @property {string[]} patterns
 * @property {boolean} help
 * @property {boolean} checks  lint and type check
 * @property {boolean} slow
 * @property {string[]} without  parts of paths
 * @property {boolean} build
 * @property {number | undefined} jobs
 * @property {number | undefined} limit  seconds
 * @property {string} dir
 * @property {string | undefined} totals
 */

/**
 * @param {string[]} args
 * @returns {TestArguments}  throws an Error with a text for the user
 */
export function parseTestArguments(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      only: { type: 'boolean', default: false },
      slow: { type: 'boolean', default: false },
      without: { type: 'string', multiple: true, default: [] },
      'no-build': { type: 'boolean', default: false },
      jobs: { type: 'string' },
      limit: { type: 'string' },
      dir: { type: 'string', default: 'test' },
      totals: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    patterns: positionals.map((pattern) => pattern.replaceAll('\\', '/').replace(/^\.\//, '')),
    help: values.help,
    checks: !values.only && positionals.length === 0,
    slow: values.slow,
    without: values.without,
    build: !values['no-build'],
    jobs: positive('--jobs', values.jobs),
    limit: positive('--limit', values.limit),
    dir: values.dir,
    totals: values.totals,
  };
}

/**
 * @param {string} flag
 * @param {string | undefined} text
 */
function positive(flag, text) {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number > 0 && number < 1e6)) throw new Error(`${flag} takes a number above 0, not ${JSON.stringify(text)}`);
  return number;
}
