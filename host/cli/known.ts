/** A name that was mistyped is not one of a device that has nothing. */
import { TidelockError } from '../errors.js';
import type { Registry } from '../registry/types.js';

/** Throws DEVICE_UNKNOWN. Undefined: no device in particular. */
export function checkKnown(registry: Pick<Registry, 'protocol'>, identity: string | undefined): void {
  if (identity !== undefined && registry.protocol(identity) === undefined) throw new TidelockError('DEVICE_UNKNOWN', { identity });
}
