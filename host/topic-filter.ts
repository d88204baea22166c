/** MQTT topic names and filters (MQTT 5.0, section 4.7): which of them are well-formed, and which filter fits which name. */

/** Longest name or filter, bytes of UTF-8 (section 4.7.3). */
const LARGEST = 65_535;
/** Levels: brokers bound them too, and a fan-out walks them. */
const MOST_LEVELS = 64;

/** Control characters and noncharacters: a broker may end the connection that brings one (MQTT 5.0, section 1.5.4), and mosquitto does. */
const ENDS_CONNECTIONS = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

function isTopicText(text: string): boolean {
  if (typeof text !== 'string' || text === '' || Buffer.byteLength(text) > LARGEST || ENDS_CONNECTIONS.test(text)) return false;
  return Buffer.from(text, 'utf8').toString('utf8') === text; // a lone surrogate
}

/** True where a message may be published under `name`. */
export function isTopicName(name: string): boolean {
  return isTopicText(name) && !/[+#]/.test(name) && name.split('/', MOST_LEVELS + 1).length <= MOST_LEVELS;
}

/** True where `filter` may be subscribed to. */
export function isTopicFilter(filter: string): boolean {
  if (!isTopicText(filter)) return false;
  const levels = filter.split('/', MOST_LEVELS + 1);
  if (levels.length > MOST_LEVELS) return false;
  return levels.every((level, i) => level === '+' || (level === '#' && i === levels.length - 1) || !/[+#]/.test(level));
}

/** Whether `name` comes under `filter`. A wildcard at the first level fits no name that begins with `$` (section 4.7.2). */
export function fits(filter: string, name: string): boolean {
  const wanted = filter.split('/'), levels = name.split('/');
  if (name.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false;
    if (i === levels.length - 1 && wanted[i + 1] === '#' && wanted.length === i + 2) return true;
  }
  return wanted.length === levels.length;
}
