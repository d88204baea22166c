// 100,000 random inputs to every primitive of every build, against @noble and node:crypto.
import { test } from 'uvu';
import { differentialTests } from './primitives/differential.js';

differentialTests(test, 100_000);
test.run();
