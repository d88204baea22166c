/** The form of an identity, as the core rules it (docs/protocol.md, "Identity and keys"). */
import * as abi from '../../assembly/abi.js';
import { instantiate, preferredBuild, type CoreExports } from './module.js';

let core: CoreExports | undefined;

/** True where `identity` may name a device: `realm/id` or `id`, 1 to 64 bytes of UTF-8. */
export function isIdentity(identity: string): boolean {
  const bytes = Buffer.from(identity, 'utf8');
  if (bytes.length === 0 || bytes.length > 64) return false;
  if (bytes.toString('utf8') !== identity) return false; // a lone surrogate
  core ??= instantiate(preferredBuild());
  const gw = core['gw_arena']!();
  const window = new DataView(core.memory.buffer).getUint32(gw + abi.G_IN, true);
  new Uint8Array(core.memory.buffer).set(bytes, window);
  return core['is_identity']!(bytes.length) === 1;
}

/** What stands in the place of an identity, for an error: a caller's object may hold a key, so only text is quoted, and not much of it. */
export function quoteIdentity(given: unknown): string {
  if (typeof given !== 'string') return `of type ${given === null ? 'null' : typeof given}`;
  return JSON.stringify(given.length > 80 ? `${given.slice(0, 80)}…` : given);
}
