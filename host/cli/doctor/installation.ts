/** Node, and the WASM builds of the core. */
import { existsSync } from 'node:fs';
import { ABI_VERSION } from '../../../assembly/abi.js';
import { instantiate, preferredBuild, wasmPath } from '../../core/module.js';
import { isTold } from '../told.js';
import { parts } from '../failure.js';
import type { Finding } from './finding.js';

const LEAST_NODE = 20;

export function checkNode(version: string = process.versions.node): Finding {
  const check = 'node';
  const text = `Node ${version} on ${process.platform} ${process.arch}`;
  if (Number(version.split('.')[0]) >= LEAST_NODE) return { check, verdict: 'ok', text };
  return { check, verdict: 'fail', text, action: `Install Node ${LEAST_NODE} or later.` };
}

export function checkBuild(): Finding[] {
  const build = preferredBuild();
  const findings: Finding[] = [checkGatewayBuild(build)];
  if (build === 'core-gateway-nosimd') {
    findings.push({ check: 'build', verdict: 'warn', text: 'this processor or engine has no SIMD: the slower build is used', action: 'Nothing, if it is fast enough.' });
  }
  const absent = ['core-device', 'core-device-small', 'core-device-hal', 'core-legacy'].filter((name) => !existsSync(wasmPath(name)));
  if (absent.length > 0) {
    findings.push({ check: 'build', verdict: 'warn', text: `no ${absent.join(', ')}: not needed here, but firmware is made from them`, action: 'Run `npm run build` in a checkout, or install the package again.' });
  }
  return findings;
}

function checkGatewayBuild(build: 'core-gateway' | 'core-gateway-nosimd'): Finding {
  const check = 'build';
  try {
    instantiate(build);
    return { check, verdict: 'ok', text: `${build}.wasm has ABI version ${ABI_VERSION}` };
  } catch (error) {
    if (isTold(error)) {
      const { code, problem, action } = parts(error);
      return { check, verdict: 'fail', text: `${code}: ${problem}`, action };
    }
    // A file that was cut off or spoiled does not compile.
    return { check, verdict: 'fail', text: `${wasmPath(build)} does not load: ${(error as Error).message}`, action: 'Run `npm run build -- --force` in a checkout, or install the package again.' };
  }
}
