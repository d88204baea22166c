// Worlds in which the two sides stand in a session already.

import * as assert from 'uvu/assert';
import type { WorldOptions } from './hosts.js';
import { World } from './world.js';

export const LINKS = ['stream', 'datagram'] as const;

export function together(link: (typeof LINKS)[number], more: WorldOptions = {}): World {
  const world = new World({ link, ...more });
  world.start();
  world.deliverAll();
  assert.ok(world.online);
  return world;
}
