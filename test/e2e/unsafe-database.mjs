/**
 * Loaded before the gateway of flush.test.ts as a control: takes `synchronous = full` for `off`, whichever driver there
 * is, as a registry would behave that forgot the setting.
 */
const weak = (/** @type {string} */ sql) => sql.replace(/(pragma\s+synchronous\s*=\s*)\w+/i, '$1off');

/** @param {{ prototype: { prepare: (sql: string) => unknown } }} database */
function weaken({ prototype }) {
  const { prepare } = prototype;
  /** @this {unknown} @param {string} sql */
  prototype.prepare = function (sql) {
    return prepare.call(this, weak(sql));
  };
}

const builtIn = /** @type {any} */ (process.getBuiltinModule?.('node:sqlite'));
if (builtIn !== undefined) weaken(builtIn.DatabaseSync);
try {
  weaken(/** @type {any} */ ((await import('better-sqlite3')).default));
} catch {
  // The other driver is there.
}
