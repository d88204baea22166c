/** Python with the packages that `npm run parts` has put into build/python. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const pythonEnvironment = { ...process.env, PYTHONPATH: fileURLToPath(new URL('../../build/python', import.meta.url)) };

/** True where python3 runs and has the module. */
export function foundPython(/** @type {string} */ module) {
  return spawnSync('python3', ['-c', `import ${module}`], { stdio: 'ignore', env: pythonEnvironment }).status === 0;
}
