/** Ends the sessions whose key has gone. */
import { CLOSE_DISABLED } from '../../assembly/abi.js';
import { LOOKUPS_FULL, type Found, type Keys } from './keys.js';
import type { Session } from './session.js';

interface Finder {
  find(identity: string, keyId: number): Found | Promise<Found>;
}

/** Asks about each session's key, as many at once as the lookup's bound lets. Rejects with the first failure once all were asked about. */
export async function endWithoutKey(finder: Finder, keys: Keys | undefined, sessions: readonly Session[]): Promise<void> {
  const asked = await Promise.allSettled(sessions.map(async (session) => {
    for (;;) {
      const key = await finder.find(session.id, session.keyId);
      if (key === undefined) session.close(CLOSE_DISABLED);
      if (key !== LOOKUPS_FULL || keys === undefined) return;
      await keys.room();
    }
  }));
  for (const result of asked) if (result.status === 'rejected') throw result.reason;
}
