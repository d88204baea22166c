/** The suite over mosquitto with MQTT 5. */
import { test } from 'uvu';
import { skipMissing } from '../support/skip.js';
import { haveMosquitto, startMosquitto } from './brokers.js';
import { suite } from './suite.js';

if (haveMosquitto) suite(() => startMosquitto(5));
else {
  skipMissing(test, 'mosquitto and mosquitto-clients')('the suite over mosquitto with MQTT 5', () => undefined);
  test.run();
}
