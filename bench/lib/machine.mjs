/** What the figures were measured on. */

import { readFileSync } from 'node:fs';
import { cpus, totalmem, loadavg } from 'node:os';

export function machine() {
  const list = cpus();
  return {
    node: process.versions.node,
    openssl: process.versions.openssl,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
    cpu: `${list[0]?.model.trim() ?? 'unknown CPU'} × ${list.length}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    load: loadavg()[0],
  };
}

const PEERS = ['aedes', 'mqtt', 'mqtt-packet', '@noble/hashes'];

/** `aedes 1.2.0, …`: as installed here, not as asked for. */
function peersText() {
  return PEERS.map((name) => {
    const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`;
  }).join(', ');
}

/** Three lines for the head of the table; a busy machine is named, because figures then mean less. */
export function machineText() {
  const it = machine();
  const busy = it.load > 0.5 * cpus().length ? `; load ${it.load.toFixed(1)} at the start: other programs are running` : '';
  return `Node ${it.node}, OpenSSL ${it.openssl}, V8 ${it.v8}\n${it.cpu}, ${it.memory}, ${it.platform}${busy}\n${peersText()}`;
}
