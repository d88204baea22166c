/** Links that wait for the peer's FIN are bounded in number and time. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Lingering } from '../../dist/host/transport/linger.js';

class Link {
  destroyed = 0;
  gone!: () => void;

  end(gone: () => void): void {
    this.gone = gone;
  }

  destroy(): void {
    this.destroyed += 1; // its 'close' comes a turn later
  }
}

const end = (lingering: Lingering, now: number): Link => {
  const link = new Link();
  lingering.end(link as never, now);
  return link;
};

test('more than 1,024 are not waited for: the oldest go, each once, also where their end is told late', () => {
  const lingering = new Lingering();
  const links = Array.from({ length: 1_100 }, () => end(lingering, 0));
  assert.is(lingering.size, 1_024);
  assert.equal(links.map(({ destroyed }) => destroyed), links.map((_, i) => (i < 76 ? 1 : 0)));
  for (const link of links) link.gone();
  assert.is(lingering.size, 0);
});

test('two seconds are waited, and those that closed before are forgotten', () => {
  const lingering = new Lingering();
  const first = end(lingering, 1_000), second = end(lingering, 1_500);
  let empty = false;
  lingering.whenEmpty(() => (empty = true));
  second.gone();
  assert.is(lingering.nextDeadline, 3_000);
  lingering.tick(2_999);
  assert.is(first.destroyed, 0);
  lingering.tick(3_000);
  assert.is(first.destroyed, 1);
  assert.not.ok(empty);
  first.gone();
  assert.ok(empty);
  assert.is(second.destroyed, 0);
});

test.run();
