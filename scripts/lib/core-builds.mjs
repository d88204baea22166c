/** The core's builds: which entry files make each, and with which target of asconfig.json. */

/**
 * @typedef {object} CoreBuild
 * @property {string} name  the file is dist/wasm/<name>.wasm
 * @property {string} target  of asconfig.json
 * @property {string[]} entries  flags first: asc reads them before the code that tests them
 */

/**
 * @param {string} name  of the build, without `core-`
 * @param {string} target
 * @param {string[]} primitives  what its twin for the published vectors exports besides
 * @param {string} [flags]
 * @returns {CoreBuild[]}
 */
function withTwin(name, target, primitives, flags = name) {
  const entries = [`flags-${flags}`, flags];
  const paths = (/** @type {string[]} */ files) => files.map((file) => `assembly/entry/${file}.ts`);
  return [
    { name: `core-${name}`, target, entries: paths(entries) },
    { name: `core-${name}-test`, target, entries: paths([...entries, ...primitives]) },
  ];
}

export const coreBuilds = [
  ...withTwin('device', 'device', ['primitives']),
  ...withTwin('device-small', 'device', ['primitives']),
  ...withTwin('device-hal', 'device', ['primitives']),
  ...withTwin('legacy', 'device', ['primitives-legacy']),
  ...withTwin('gateway', 'gateway', ['primitives', 'primitives-legacy', 'primitives-gateway']),
  ...withTwin('gateway-nosimd', 'gateway-nosimd', ['primitives', 'primitives-legacy', 'primitives-gateway'], 'gateway'),
];
