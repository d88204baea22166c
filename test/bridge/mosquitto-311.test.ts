/** The suite over mosquitto with MQTT 3.1.1. */
import { test } from 'uvu';
import { skipMissing } from '../support/skip.js';
import { haveMosquitto, startMosquitto } from './brokers.js';
import { suite } from './suite.js';

if (haveMosquitto) suite(() => startMosquitto(4));
else {
  skipMissing(test, 'mosquitto and mosquitto-clients')('the suite over mosquitto with MQTT 3.1.1', () => undefined);
  test.run();
}
