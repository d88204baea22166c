/** Bounds of what devices and senders can make grow. */
export interface RegistryLimits {
  /** Undone inbox rows and the bytes of their bodies, of all and of one device. Default 1,000,000, 256 MiB; 100,000, 32 MiB. */
  inboxRows?: number;
  inboxBytes?: number;
  inboxRowsPerDevice?: number;
  inboxBytesPerDevice?: number;
  /** Waiting messages and bytes, of all and of one device. Default 100,000, 64 MiB; 1,000, 1 MiB. */
  queueMessages?: number;
  queueBytes?: number;
  queueMessagesPerDevice?: number;
  queueBytesPerDevice?: number;
  /** Longest lifetime, ms. Default 7 days. */
  queueLifetime?: number;
  /** How long (ms) and how many ends of messages are remembered. Default 24 h, 100,000. */
  keepEnds?: number;
  keepEndsCount?: number;
  /** Messages that the broker does not take, and the bytes of their bodies; beyond it they stay in the inbox. Default 10,000, 64 MiB. */
  deadLetters?: number;
  deadLetterBytes?: number;
  /** Results that wait for the broker; beyond it no command is taken in. Default 100,000. */
  results?: number;
  /** Commands remembered for 24 hours as taken. Default 1,000,000. */
  taken?: number;
}
