/** What the parts of the bridge count, in one place. */
export class Counts {
  lost = 0;
  forwarded = 0;
  posted = 0;
  dropped = 0;
  nobody = 0;
  expired = 0;
  refused = 0;
  deadLetters = 0;
  commands = 0;
  repeats = 0;
  downPosted = 0;
  downDropped = 0;
  results = 0;
  readonly commandsRefused: Record<string, number> = {};

  commandRefused(how: string): void {
    this.commandsRefused[how] = (this.commandsRefused[how] ?? 0) + 1;
  }
}
