/** The bridge's counters as metrics. */
import type { MqttCounters } from '../bridge/index.js';
import type { Family } from '../http/index.js';

export function bridgeFamilies(counters: MqttCounters): Family[] {
  const family = (type: Family['type'], name: string, help: string, value: number): Family => ({ name: `tidelock_mqtt_${name}`, type, help, samples: [{ value }] });
  const { commandsRefused, probesFailed } = counters;
  return [
    family('gauge', 'connections', 'Connections to the broker that stand now', counters.connections),
    family('gauge', 'connections_wanted', 'Connections to the broker that should stand', counters.wanted),
    family('counter', 'connections_lost_total', 'Connections to the broker that were lost', counters.lost),
    family('gauge', 'keeper', 'Whether this gateway takes commands from the broker now', counters.keeper ? 1 : 0),
    family('counter', 'forwarded_total', 'Messages from devices that the broker acknowledged', counters.forwarded),
    family('counter', 'posted_total', 'Messages without acknowledgement handed to the broker', counters.posted),
    family('counter', 'dropped_total', 'Messages without acknowledgement that found no connection', counters.dropped),
    family('counter', 'nobody_total', 'Messages that the broker acknowledged with the word that nobody has subscribed', counters.nobody),
    family('counter', 'expired_total', 'Messages from devices that were not forwarded because their time had passed', counters.expired),
    family('counter', 'refused_total', 'Messages and results that the broker refused', counters.refused),
    family('counter', 'dead_letters_total', 'Messages set aside because the broker refuses them for good', counters.deadLetters),
    family('gauge', 'waiting_messages', 'Messages in memory on their way to the broker', counters.waiting),
    family('counter', 'commands_total', 'Commands that were queued for devices', counters.commands),
    family('counter', 'command_repeats_total', 'Commands that came again and were not queued', counters.repeats),
    family('counter', 'commands_posted_total', 'Commands without acknowledgement handed to connected devices', counters.downPosted),
    family('counter', 'commands_dropped_total', 'Commands without acknowledgement whose device was not connected', counters.downDropped),
    family('counter', 'results_total', 'Results of commands that the broker acknowledged', counters.results),
    {
      name: 'tidelock_mqtt_commands_refused_total', type: 'counter', help: 'Commands that were not queued, by reason',
      samples: Object.entries(commandsRefused).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    family('gauge', 'probes_failed', 'Classes of topics whose last probe did not come back', probesFailed.length),
  ];
}
