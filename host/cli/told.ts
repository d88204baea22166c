/** An error that says what was wrong and what to do: TidelockError, and what a running gateway answered. */
export interface Told {
  readonly code: string;
  readonly problem: string;
  readonly action: string;
}

export function isTold(error: unknown): error is Told & Error {
  return error instanceof Error && 'code' in error && 'problem' in error && 'action' in error;
}
