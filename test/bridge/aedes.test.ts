/** The suite over aedes, in this process. */
import { startAedes } from './brokers.js';
import { suite } from './suite.js';

suite(startAedes);
