/** The suite over three nodes of NATS, which speak MQTT 3.1.1. */
import { test } from 'uvu';
import { skipMissing } from '../support/skip.js';
import { haveNats, startNats } from './brokers.js';
import { suite } from './suite.js';

if (haveNats) suite(startNats);
else {
  skipMissing(test, 'nats-server (npm run parts)')('the suite over NATS', () => undefined);
  test.run();
}
