// The replay window, told naively: the set of every counter ever accepted.

const WIDTH = 64n;

export class ReplayWindow {
  constructor(private readonly accepted: ReadonlySet<bigint> = new Set()) {}

  private get highest(): bigint {
    return [...this.accepted].reduce((most, counter) => (counter > most ? counter : most), -1n);
  }

  /** True where a frame with this counter may be opened: not seen, and less than 64 behind the highest accepted. */
  takes(counter: bigint): boolean {
    return counter >= 0n && !this.accepted.has(counter) && this.highest - counter < WIDTH;
  }

  /** The window after a frame with this counter held. */
  with(counter: bigint): ReplayWindow {
    return new ReplayWindow(new Set(this.accepted).add(counter));
  }
}
