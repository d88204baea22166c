/** Whether the bridge can work: the broker is there, lets the gateway in, and its PUBACK is worth something. */
import { examineBroker, type BrokerReport } from '../../bridge/examine.js';
import { isLoopback } from '../../http/index.js';
import { parts } from '../failure.js';
import { bridgeOptions } from '../mqtt.js';
import type { Settings } from '../setting-types.js';
import { CERTIFICATE_WARN_DAYS, DAY_MS } from './certificate.js';
import type { Finding } from './finding.js';

const check = 'broker';

export async function checkBroker(settings: Settings): Promise<Finding[]> {
  const { mqtt: url } = settings;
  if (url === undefined) return [];
  try {
    return findingsOf(url, await examineBroker(bridgeOptions(settings)!, 'local'));
  } catch (error) {
    const { code, problem, action } = parts(error);
    return [{ check, verdict: 'fail', text: `${code}: ${problem}`, action }];
  }
}

export function findingsOf(url: string, report: BrokerReport, now = Date.now()): Finding[] {
  const { version, reason, remedy, secure, software, receiveMaximum, certificateEnds, broken } = report;
  if (version === undefined) {
    const action = remedy !== ''
      ? `${remedy[0]!.toUpperCase()}${remedy.slice(1)}.`
      : /authori|user name|password/i.test(reason)
        ? 'Check the user and its password (--mqtt-user-file), or the certificate by which the gateway shows itself (--mqtt-cert), and that the broker knows them.'
        : 'Check that it runs, that address and port are right, and that mqtts:// is used for a port with TLS. A gateway runs without it, and its inbox fills.';
    return [{ check, verdict: 'fail', text: `${url} does not let the gateway in: ${reason}`, action }];
  }
  const findings: Finding[] = [];
  const name = software === '' ? '' : ` (${software})`;
  if (version === 5) findings.push({ check, verdict: 'ok', text: `${url} is there${name}, with MQTT 5; it takes ${receiveMaximum} messages of a connection at once` });
  else {
    findings.push({
      check, verdict: 'warn', text: `${url} is there${name}, with MQTT 3.1.1: it has no word for a refusal, and may acknowledge what it drops`,
      action: 'Use a broker with MQTT 5 where you can. Of NATS: `sync_interval: always` and three replicas make its acknowledgement worth something. Watch tidelock_mqtt_probes_failed.',
    });
  }
  if (!secure && !isLoopback(new URL(url).hostname)) {
    findings.push({ check, verdict: 'warn', text: `the way to ${url} has no TLS: all messages, and the password, can be read and changed on it`, action: 'Use mqtts://.' });
  }
  for (const [end, what, action] of [
    [certificateEnds.broker, `the certificate of ${url}`, 'Have it renewed: the gateway does not connect to one that has expired.'],
    [certificateEnds.own, 'the certificate by which the gateway shows itself to the broker (--mqtt-cert)', 'Renew it; the gateway reads it at its start.'],
  ] as const) {
    if (end !== undefined && end - now < CERTIFICATE_WARN_DAYS * DAY_MS) findings.push({ check, verdict: 'warn', text: `${what} expires on ${new Date(end).toISOString().slice(0, 10)}`, action });
  }
  if (/mosquitto/i.test(software)) {
    findings.push({
      check, verdict: 'warn', text: 'mosquitto acknowledges what it has in memory: without further settings it writes every 30 minutes, and a subscriber that is away loses what is beyond 1,000 messages',
      action: 'Set `persistence true`, `autosave_on_changes true`, `autosave_interval 1` and `max_queued_messages 0` (or a bound of your own), unless it may lose them.',
    });
  }
  for (const { topics, reason: fault } of broken) {
    findings.push({ check, verdict: 'fail', text: `the topics "${topics}" do not work: ${fault}`, action: 'Give the gateway the rights to them that docs/mqtt.md lists.' });
  }
  return findings;
}
