/**
 * By which subscription a message came (MQTT 5.0, section 3.8.2.1.2): a broker may send one that matches several once for each of them, as mosquitto
 * does, and each copy is then for what that subscription stands for. With MQTT 3.1.1 nobody says.
 */
const MOST = 268_435_455;

/** Made of the filter (FNV-1a): what a session holds since an earlier run comes with the same one. */
export function identifierOf(filter: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < filter.length; i++) hash = Math.imul(hash ^ filter.charCodeAt(i), 0x01000193);
  return ((hash >>> 0) % MOST) + 1;
}

/** Of a message's properties. */
interface Identified {
  readonly subscriptionIdentifier?: number | readonly number[] | undefined;
}

/** True also where the broker does not say. */
export function cameBy({ subscriptionIdentifier: told }: Identified, filter: string): boolean {
  if (told === undefined) return true;
  const identifier = identifierOf(filter);
  return typeof told === 'number' ? told === identifier : told.includes(identifier);
}
