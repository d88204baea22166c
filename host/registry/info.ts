/** What a registry says of itself. */

/** For `doctor` and metrics. */
export interface RegistryInfo {
  /** Such as `node:sqlite` or `pg`, and the version of SQLite or PostgreSQL. */
  readonly driver: string;
  readonly version: string;
  readonly schema: number;
  readonly devices: number;
  /** Keys lie wrapped under a master key. */
  readonly wrapped: boolean;
  readonly inbox: { readonly rows: number; readonly bytes: number };
  readonly queue: { readonly messages: number; readonly bytes: number };
  /** Transactions written, and operations in them. */
  readonly transactions: number;
  readonly operations: number;
}
