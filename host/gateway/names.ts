/** Stable names of messages, the same in the registry: they survive repeats, restarts and renumbering. */

export function messageName(identity: string, outbox: number, number: number): string {
  return `${identity}#${outbox.toString(16).padStart(8, '0')}-${number}`;
}
