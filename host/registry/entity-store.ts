/** The registry's part for Home Assistant, over the same groups of operations as all else. */
import { badOption, checkInteger } from '../options.js';
import type { EntityRow, EntityStore } from './entity-types.js';
import type { Groups } from './groups.js';

const NAME = /^[a-z0-9][a-z0-9_]{0,62}$/;
const LARGEST_CONFIG = 16_384;
const MOST_DEVICES = 1_000;

export class SqlEntityStore implements EntityStore {
  readonly #groups: Groups;
  readonly #changed: (identity: string) => void;

  constructor(groups: Groups, changed: (identity: string) => void) {
    this.#groups = groups;
    this.#changed = changed;
  }

  async announce(identity: string, entity: string, config: object): Promise<void> {
    if (typeof entity !== 'string' || !NAME.test(entity)) throw badOption('entity', entity, 'it must be a name of 1 to 63 small letters, digits and _');
    const text = JSON.stringify(config);
    if (Buffer.byteLength(text) > LARGEST_CONFIG) throw badOption('config', `${text.length} characters`, `it must have at most ${LARGEST_CONFIG} bytes`);
    await this.#groups.call('announce', { identity, entity, config: text }, () => this.#changed(identity));
  }

  unannounce(identity: string, entity?: string): Promise<number> {
    return this.#groups.call('unannounce', { identity, entity }, (count) => {
      if (count > 0) this.#changed(identity);
      return count;
    });
  }

  async list({ identity, after = '', limit = 100 }: { identity?: string; after?: string; limit?: number } = {}): Promise<EntityRow[]> {
    const rows = await this.#groups.call('entities', { identity, after, limit: checkInteger('limit', limit, 1, MOST_DEVICES) }, (found) => found);
    return rows.map(({ removed, ...row }) => ({ ...row, removed: removed !== 0 }));
  }

  forget(identity: string, entities: readonly string[]): Promise<void> {
    if (entities.length === 0) return Promise.resolve();
    return this.#groups.call('forget', { identity, entities: [...entities] }, () => undefined);
  }
}
