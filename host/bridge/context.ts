/** What the parts of the bridge share. */
import type { BridgeHost } from '../gateway/bridge-types.js';
import type { Counts } from './counts.js';
import type { Lanes } from './lanes.js';
import type { MqttSetup } from './options.js';
import type { Topics } from './topics.js';

export interface Shared {
  readonly host: BridgeHost;
  readonly setup: MqttSetup;
  readonly topics: Topics;
  readonly lanes: Lanes;
  readonly counts: Counts;
}
