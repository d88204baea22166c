/** Runs in the middle namespace of netns.test.ts: NAME LINK MESSAGES SEED PROJECT. Prints what became of it as one line of JSON. */
import { seeded } from '../e2e/support.js';
import * as faults from './faults.js';
import { LINKS, type LinkKind } from './links.js';
import { Namespaces } from './netns.js';
import { between, oneOf } from './packet.js';
import { runProcesses } from './processes.js';

const [name = '', link = '', messages = '', seed = '', project = ''] = process.argv.slice(2);
const namespaces = new Namespaces(name), random = seeded(Number(seed) + 1);
const { device, deviceGate, gateway } = namespaces.addresses;

let over = false, strikes = 0;
const striking = (async () => {
  while (!over) {
    await new Promise((resolve) => setTimeout(resolve, between(random, 1_000, 4_000)));
    await namespaces.strike(random);
    strikes += 1;
  }
})();
const ways = await runProcesses({
  link: link as LinkKind,
  messages: Number(messages),
  seed: Number(seed),
  project,
  fault: (from) => oneOf(from, (LINKS[link as LinkKind].datagrams
    ? [faults.reorder, faults.duplicate, faults.corrupt, faults.loss, faults.rebind]
    : [faults.cut, faults.corrupt]).map((each) => each(from))),
  place: {
    gatewayCommand: namespaces.inside(namespaces.gateway), deviceCommand: namespaces.inside(namespaces.device),
    gatewayHost: gateway, proxyHost: deviceGate,
  },
});
over = true;
await striking;
process.stdout.write(`${JSON.stringify({ ...ways, device, kernelStrikes: strikes })}\n`);
process.exit(0);
