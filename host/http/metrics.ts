/**
 * Everything that a gateway counts, as metrics. Nothing is counted twice and nothing is done for a frame: a scrape reads
 * the counters that are there. No label holds the name of a device or an address, so what strangers and fleets do
 * cannot make the number of series grow.
 */
import type { GatewayApi, GatewayCounters } from '../gateway/types.js';
import { REFUSAL_NAMES } from '../names.js';
import type { Registry, RegistryInfo } from '../registry/types.js';
import { exposition, single, type Family, type Form } from './exposition.js';
import { processWatch } from './process.js';
import { within } from './within.js';

/** ms for the database to say what waits; without its answer the other metrics come all the same. */
const PATIENCE = 2_000;

export interface MetricsOptions {
  /** The gateway's registry: adds what waits in inbox and queues. */
  registry?: Pick<Registry, 'info'>;
  /** Told as a label of `tidelock_build_info`. */
  version?: string;
  /** Families of the application's own. */
  more?: () => readonly Family[];
  /** Default `prometheus`: text format 0.0.4. */
  form?: Form;
}

/** The metrics as text. Never rejected for want of the database: `tidelock_database_up` is 0 then. */
export async function metricsText(gateway: Pick<GatewayApi, 'counters'>, options: MetricsOptions = {}): Promise<string> {
  const { registry, version, more, form = 'prometheus' } = options;
  const info = registry === undefined ? undefined : await within(PATIENCE, registry.info()).catch(() => null);
  return exposition([
    build(version),
    ...gatewayFamilies(gateway.counters()),
    ...(info === undefined ? [] : databaseFamilies(info)),
    ...(more?.() ?? []),
    ...processWatch().families(),
  ], form);
}

function build(version: string | undefined): Family {
  return {
    name: 'tidelock_build_info', type: 'gauge', help: 'Version of Tidelock and of Node; the value is 1',
    samples: [{ labels: { ...(version === undefined ? {} : { version }), node: process.versions.node }, value: 1 }],
  };
}

function gatewayFamilies(counters: GatewayCounters): Family[] {
  const { refused } = counters;
  const counter = (name: string, help: string, value: number): Family => single('counter', `tidelock_${name}_total`, help, value);
  const gauge = (name: string, help: string, value: number): Family => single('gauge', `tidelock_${name}`, help, value);
  return [
    counter('connections', 'Connections accepted', counters.connections),
    gauge('open_connections', 'Connections open now', counters.open),
    gauge('half_open_connections', 'Connections open now that have not proved themselves', counters.halfOpen),
    counter('half_open_evicted', 'Half-open connections that gave way to newer ones', counters.gaveWay),
    counter('hello_over_rate', 'HELLOs refused because their network, or all together, sent too many', counters.overRate),
    counter('not_reading', 'Sessions ended because the peer did not read', counters.notReading),
    counter('sessions', 'Sessions that began', counters.sessions),
    gauge('online_devices', 'Devices with a session now', counters.online),
    counter('takeovers', 'Sessions that took the place of an earlier one of the same device', counters.takeovers),
    counter('lookups', 'Keys asked for by lookup', counters.lookups),
    counter('messages_received', 'Messages from devices that wanted no acknowledgement', counters.received),
    counter('messages_taken', 'Messages from devices that were taken and acknowledged, repeats not counted', counters.taken),
    counter('busy_answers', 'Times that a device was told busy', counters.busy),
    counter('messages_posted', 'Messages to devices without acknowledgement', counters.posted),
    counter('messages_dropped', 'Messages without acknowledgement that found no session or no room', counters.dropped),
    counter('messages_unkept', 'Messages of devices without acknowledgements that did not get into the inbox', counters.unkept),
    counter('messages_delivered', 'Messages to devices that were acknowledged', counters.delivered),
    counter('messages_failed', 'Messages to devices that ended otherwise: expired, refused, in doubt, queue full, cancelled', counters.failed),
    counter('received_bytes', 'Bytes read from links', counters.bytesIn),
    counter('sent_bytes', 'Bytes written to links', counters.bytesOut),
    counter('link_writes', 'Writes to links', counters.writes),
    {
      name: 'tidelock_refusals_total', type: 'counter', help: 'Frames and handshakes refused, by reason',
      samples: [...new Set([...REFUSAL_NAMES, ...Object.keys(refused)])].map((reason) => ({ labels: { reason }, value: refused[reason] ?? 0 })),
    },
    counter('discovery_offers', 'Answers to DISCOVER', counters.offers),
    counter('sntp_answers', 'SNTP requests that were answered', counters.sntpAnswered),
    counter('sntp_dropped', 'SNTP requests that were none, or too many', counters.sntpDropped),
    ...clockError(counters),
  ];
}

/** Only where the gateway knows it: it asks a time server, or it does not. */
function clockError({ clockError: ms }: GatewayCounters): Family[] {
  return ms === undefined ? [] : [single('gauge', 'tidelock_clock_error_seconds', 'How far this machine\'s clock is from the time server\'s; above 0: it is ahead', ms / 1_000)];
}

/** `null`: the database did not answer. */
function databaseFamilies(info: RegistryInfo | null): Family[] {
  const up = single('gauge', 'tidelock_database_up', 'Whether the database answered this scrape', info === null ? 0 : 1);
  if (info === null) return [up];
  const { devices, inbox, queue, transactions, operations } = info;
  return [
    up,
    single('gauge', 'tidelock_known_devices', 'Devices in the registry', devices),
    single('gauge', 'tidelock_inbox_messages', 'Messages from devices that the application has not marked done', inbox.rows),
    single('gauge', 'tidelock_inbox_bytes', 'Bytes of their bodies', inbox.bytes),
    single('gauge', 'tidelock_queue_messages', 'Messages that wait for devices', queue.messages),
    single('gauge', 'tidelock_queue_bytes', 'Bytes of their bodies', queue.bytes),
    single('counter', 'tidelock_database_transactions_total', 'Transactions of the registry', transactions),
    single('counter', 'tidelock_database_operations_total', 'Operations in them', operations),
  ];
}
