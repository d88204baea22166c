/** What an application sees of the bridge. Times are ms unless a name says otherwise. */

export interface MqttOptions {
  /** `mqtt://HOST[:PORT]`, `mqtts://…`, `ws://…` or `wss://…`, without user and password. */
  url: string;
  username?: string;
  /** Read it from a file or the environment; never from a command line. */
  password?: string;
  /** With TLS, PEM: certificates of the authorities to trust (default: those of Node), and this gateway's own certificate with its key. */
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  /**
   * `inbox` (default): a message is committed, acknowledged, and then forwarded. `through`: it is acknowledged when the broker has
   * acknowledged it, which is worth as much as that broker's acknowledgement.
   */
  mode?: 'inbox' | 'through';
  /** Mode `inbox`: messages are the application's too, by `messages()`. Default false. */
  app?: boolean;
  /** First level of all topics. Default `tl`. */
  prefix?: string;
  /** First level of the topics by which Home Assistant is told of devices, where the registry says what they are to it. Default `homeassistant`. */
  discovery?: string;
  /** `auto` (default): MQTT 5 where the broker has it, else 3.1.1. */
  protocol?: 'auto' | '5' | '3.1.1';
  /** Connections for messages going up; a device's go by one of them. Default 4. */
  connections?: number;
  /** Messages in flight on each of them; the broker's Receive Maximum may be less. Default 1,000. */
  window?: number;
  /** Take commands from the broker. Default true. */
  down?: boolean;
  /** Lifetime of a command that tells none. Default 60,000. */
  lifetime?: number;
  /** What goes up without properties of MQTT 5: `auto` (default) in a JSON envelope, `never` as it is, without `tl-id`; `always`: also with MQTT 5. */
  envelope?: 'auto' | 'never' | 'always';
  /** A message to which nobody has subscribed is not taken (MQTT 5). Default false: it is counted. */
  requireSubscriber?: boolean;
  /** ms between probes of each class of topics; 0: none. Default 3,600,000. */
  probe?: number;
}

/** Counted since start, unless it says now. */
export interface MqttCounters {
  /** Connections to the broker that stand now, of those that should; version of MQTT, 0: none stands. */
  connections: number;
  wanted: number;
  version: 0 | 4 | 5;
  /** Times that a connection was lost. */
  lost: number;
  /** Messages that the broker acknowledged, and those without acknowledgement that were handed to it. */
  forwarded: number;
  posted: number;
  /** Without acknowledgement, while no connection stood or beyond its bound. */
  dropped: number;
  /** Acknowledged by the broker with the word that nobody has subscribed. */
  nobody: number;
  /** Not forwarded, because the time for which their devices gave them out had passed. */
  expired: number;
  /** Refusals of the broker, and messages set aside for good. */
  refused: number;
  deadLetters: number;
  /** Messages now in memory on their way to the broker. */
  waiting: number;
  /** Commands taken in; that came again; without acknowledgement that were handed to a device, or dropped. */
  commands: number;
  repeats: number;
  downPosted: number;
  downDropped: number;
  /** Commands that were refused at once, by reason. */
  commandsRefused: Record<string, number>;
  /** Results that the broker acknowledged. */
  results: number;
  /** The keeper holds its lease and is connected now. */
  keeper: boolean;
  /** Classes of topics whose last probe did not come back. */
  probesFailed: readonly string[];
}

/** `mqtt()` makes one. It belongs to one gateway. */
export interface MqttBridge {
  /**
   * Publishes something of the application's own, at QoS 1: fulfilled when the broker has acknowledged it, also after connections that were
   * lost. Rejected with BROKER_REFUSED, CLOSED.
   */
  publish(topic: string, payload: string | Buffer, options?: { retain?: boolean }): Promise<void>;
  counters(): MqttCounters;
}
