/** What one look found. */
export interface Finding {
  readonly check: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What to do; where the verdict is not ok. */
  readonly action?: string;
}
