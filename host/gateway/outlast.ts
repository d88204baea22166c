/** What is asked again when a database that went away is back: reading the inbox and marking what is done, which hang on no moment. */
import type { TidelockError } from '../errors.js';
import type { Registry } from '../registry/types.js';

/** Once `ended` is aborted nobody waits any more: the failure is thrown as it is. */
export async function outlasting<T>(registry: Registry, ended: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (ended.aborted || !isAway(error)) throw error;
      await untilBack(registry, ended);
    }
  }
}

/** The database was not there; also where it is the cause of what failed. */
export function isAway(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as Partial<TidelockError>;
  return code === 'DATABASE_UNREACHABLE' || (cause as Partial<TidelockError> | undefined)?.code === 'DATABASE_UNREACHABLE';
}

function untilBack(registry: Registry, ended: AbortSignal): Promise<void> {
  if (registry.database.available || ended.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = (): void => {
      registry.off('database', listener);
      ended.removeEventListener('abort', over);
      resolve();
    };
    const listener = ({ available }: { available: boolean }): void => {
      if (available) over();
    };
    registry.on('database', listener);
    ended.addEventListener('abort', over);
  });
}
