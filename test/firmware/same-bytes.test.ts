/**
 * The C client and the Node package's device, given the same randomness, the same clock and the same bytes from the gateway, put
 * out the same bytes at every step: on both links, in every suite, over losses, refusals, lost records and lost clocks.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { abi } from '../core/engine/engine.js';
import { compiling } from './compiled.js';
import { LINKS, STEPS, SUITES, play, sameBytes } from './scenes.js';
import { batch, scriptProgram } from './script.js';

const c = compiling(test);

for (const [on, link] of LINKS) {
  for (const [name, suites] of SUITES) {
    c(`on ${on}, ${name}: byte for byte, step by step`, async () => {
      for (let scene = 1; scene <= 4; scene++) {
        const seed = scene * 1_000 + suites * 10 + link;
        const played = await play(seed, link, suites, STEPS);
        // core-device-hal differs by its native block functions and by having no parts, which this does not use.
        sameBytes(played, batch(scriptProgram(scene === 1 ? 3 : 1), played.device.commands), link, seed);
      }
    });
  }
}

c('another random byte is another stream: the comparison can fail', async () => {
  const { device } = await play(1, 0, abi.SUITE_SIGNED, 30);
  const spoiled = device.commands.map((line) => (line.startsWith('random ') ? `random ${'5a'.repeat((line.length - 7) / 2)}` : line));
  const answers = batch(scriptProgram(), spoiled);
  assert.ok(answers.some(({ output }, i) => output.join('') !== device.outputs[i]!.join('')));
});

test.run();
