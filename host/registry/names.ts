/** The printed name of a message that wants an acknowledgement: `identity#outbox-number`. No identity holds `#`. */

export function messageName(identity: string, outbox: number, id: number): string {
  return `${identity}#${placeName(outbox, id)}`;
}

/** What stands behind the `#`. */
export function placeName(outbox: number, id: number): string {
  return `${outbox.toString(16).padStart(8, '0')}-${id}`;
}

export interface MessageName {
  identity: string;
  outbox: number;
  id: number;
}

/** Undefined: it is no such name. */
export function parseMessageName(name: string): MessageName | undefined {
  const match = /^(.+)#([0-9a-f]{8})-([1-9][0-9]{0,9})$/.exec(name);
  return match === null ? undefined : { identity: match[1]!, outbox: parseInt(match[2]!, 16), id: Number(match[3]) };
}
