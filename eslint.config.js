import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';
import { LONGEST_SOURCE } from './scripts/lib/tree-rules.mjs';

/**
 * Forbids imports, so that dependencies run one way: cli → http → gateway, device → registry, transport → core → assembly.
 * @param {string[]} folders  of host/ that may not be imported
 * @param {string[]} packages  that may not be imported
 */
function never(folders, packages = []) {
  const patterns = [];
  if (folders.length > 0) {
    patterns.push({
      regex: `^\\.\\./(?:.*/)?(?:${folders.join('|')})/`,
      message: 'dependencies run one way: cli → http → gateway, device → registry, transport → core → assembly',
      allowTypeImports: true,
    });
  }
  if (packages.length > 0) {
    patterns.push({ group: packages, message: 'only the folder that needs it may load it', allowTypeImports: true });
  }
  return { '@typescript-eslint/no-restricted-imports': /** @type {['error', object]} */ (['error', { patterns }]) };
}

// A gateway is given its registry, so that without one no database is loaded; names, and leases that nobody takes, are shared.
const REGISTRY_CODE = 'registry(?!/(?:names|unacknowledged)\\.js)';

const database = ['kysely', 'better-sqlite3', 'node:sqlite', 'pg'];
const command = ['commander', 'pino', 'picocolors', '@peculiar/asn1-schema', '@peculiar/asn1-x509'];

export default tseslint.config(
  // AssemblyScript looks like TypeScript and is none; its own compiler checks it.
  { ignores: ['dist/', 'build/', 'assembly/', 'coverage/', 'test/runner/fixtures/'] },
  eslint.configs.recommended,
  {
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', LONGEST_SOURCE],
      'no-control-regex': 'off', // identities and terminal output are checked for just these
      'no-misleading-character-class': ['error', { allowEscape: true }],
      'no-template-curly-in-string': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: nodeGlobals() },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off', // an async function may promise without waiting
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/unbound-method': 'off', // the query builder hands out functions that need no `this`
      // An event's handler may be an async function; Gateway and Device look after its promise.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
    },
  },
  {
    // Tests read JSON and spoil things on purpose.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
  { files: ['host/**/*.ts'], ignores: ['host/cli/**'], rules: { 'no-console': 'error' } },
  { files: ['host/core/**/*.ts'], rules: never(['transport', 'delivery', 'device', 'gateway', 'registry', 'legacy', 'http', 'cli'], [...database, ...command]) },
  { files: ['host/transport/**/*.ts'], rules: never(['delivery', 'device', 'gateway', 'registry', 'legacy', 'http', 'cli'], [...database, ...command]) },
  { files: ['host/decode/**/*.ts'], rules: never(['transport', 'delivery', 'device', 'gateway', 'registry', 'legacy', 'http', 'cli'], [...database, ...command]) },
  { files: ['host/discovery/**/*.ts'], rules: never(['delivery', 'device', 'gateway', 'registry', 'legacy', 'http', 'cli'], [...database, ...command]) },
  { files: ['host/time/**/*.ts'], rules: never(['delivery', 'device', 'gateway', 'registry', 'legacy', 'http', 'cli'], [...database, ...command]) },
  { files: ['host/registry/**/*.ts'], rules: never(['transport', 'device', 'gateway', 'legacy', 'http', 'cli'], command) },
  { files: ['host/legacy/**/*.ts'], rules: never(['device', 'gateway', REGISTRY_CODE, 'http', 'cli'], [...database, ...command]) },
  { files: ['host/delivery/**/*.ts'], rules: never(['device', 'gateway', 'legacy', REGISTRY_CODE, 'http', 'cli'], [...database, ...command]) },
  { files: ['host/device/**/*.ts'], rules: never(['gateway', 'legacy', REGISTRY_CODE, 'http', 'cli'], [...database, ...command]) },
  { files: ['host/gateway/**/*.ts'], rules: never(['device', REGISTRY_CODE, 'http', 'cli'], [...database, ...command]) },
  { files: ['host/http/**/*.ts'], rules: never(['device', REGISTRY_CODE, 'cli'], [...database, ...command]) },
  { files: ['host/cli/**/*.ts'], rules: never([], database) },
);

/** What Node has beside the language, as far as scripts use it: read from this Node. */
function nodeGlobals() {
  return Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, /** @type {const} */ ('readonly')]));
}
