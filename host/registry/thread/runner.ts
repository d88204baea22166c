/** Where groups of operations are run: in a thread of its own, or in this one. */
import { TidelockError, type ErrorCode } from '../../errors.js';
import type { EngineOptions, News } from '../engine/engine.js';
import type { Fault, Operation, Reply } from '../engine/operations.js';

export interface Runner {
  /** One at a time. Rejected with DATABASE_* where the whole group failed. */
  run(group: readonly Operation[]): Promise<Reply>;
  close(): Promise<void>;
}

/** `tell` hears what the engine says without being asked. */
export async function openRunner(options: EngineOptions, thread: boolean, tell: (news: News) => void): Promise<Runner> {
  if (thread) return (await import('./thread.js')).ThreadRunner.open(options, tell);
  // Only here, so that a process whose SQL runs elsewhere loads neither the query builder nor a driver.
  const { Engine } = await import('../engine/engine.js');
  const engine = await Engine.open(options, tell);
  return {
    run: (group) => engine.run(group),
    close: () => engine.close(),
  };
}

export function errorOf({ code, details, cause }: Fault): TidelockError {
  const options = cause === undefined ? undefined : { cause: new Error(cause) };
  return new (TidelockError as new (code: ErrorCode, details: object, options?: ErrorOptions) => TidelockError)(code as ErrorCode, details, options);
}
