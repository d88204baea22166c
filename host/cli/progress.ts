/** How far long work is, for people, on stderr: nothing in the first second, then at most a line a second. */
const EVERY = 1_000;

/** `now`: ms of a clock that never steps. */
export function createProgress(what: string, now: () => number = () => performance.now(), write: (line: string) => void = (line) => void process.stderr.write(line)) {
  let next = now() + EVERY;
  return (done: number, of: number): void => {
    if (now() < next) return;
    next = now() + EVERY;
    write(`tidelock: ${done} of ${of} ${what}\n`);
  };
}
