/** The broker of the demo: one in this process, or one that is named. At that of somebody else nothing is left. */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const USAGE = `npm run demo:mqtt [-- --broker URL]

  --broker URL   mqtt://HOST[:PORT] or mqtts://…; without it a broker runs in the process. User and password of it come from
                 TIDELOCK_MQTT_USER and TIDELOCK_MQTT_PASSWORD, an authority of its own from NODE_EXTRA_CA_CERTS.`;
/** ms in which a connection must stand, in which what was left is gone, and without a message after which nothing more comes. */
const CONNECT = 10_000, TIDY = 8_000, QUIET = 400;

/** What was wrong is said, and what to do; it is no fault of the demo. */
export class Told extends Error {
  /**
   * @param {string} problem
   * @param {string} action
   */
  constructor(problem, action) {
    super(`${problem}.\n  → ${action}`);
  }
}

/**
 * A package that npm installs for a checkout, but not with Tidelock.
 * @template T
 * @param {() => Promise<T>} load
 * @param {string} name
 */
async function need(load, name) {
  try {
    return await load();
  } catch (error) {
    if (/** @type {{ code?: string }} */ (error).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Told(`the demo needs the package ${name}`, `npm install ${name}, or run it in a checkout after npm ci`);
  }
}

/** The URL of --broker, or undefined. Throws Told; a password stands in no text. */
export async function brokerOf(/** @type {string[]} */ words) {
  let /** @type {string | undefined} */ url;
  try {
    const { values } = parseArgs({ args: words, options: { broker: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
    if (values.help === true) {
      console.log(USAGE);
      process.exit(0);
    }
    url = values.broker;
  } catch (error) {
    throw new Told(/** @type {Error} */ (error).message.split('\n')[0]?.replace(/\.$/, '') ?? '', USAGE);
  }
  if (url === undefined) return undefined;
  const { mqtt } = await import('tidelock/bridge');
  try {
    mqtt({ url });
  } catch (error) {
    const { problem, message } = /** @type {Error & { problem?: string }} */ (error);
    throw new Told(`--broker: ${problem ?? message}`, 'User and password are read from TIDELOCK_MQTT_USER and TIDELOCK_MQTT_PASSWORD.');
  }
  return url;
}

/** A broker in this process; `close` ends it. */
export async function startBroker() {
  const { Aedes } = await need(() => import('aedes'), 'aedes');
  const aedes = await Aedes.createBroker(), server = net.createServer((socket) => aedes.handle(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    aedes.close();
  };
  return { url: `mqtt://127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`, close };
}

/**
 * A client of the broker. Throws Told.
 * @param {string} url
 * @param {{ clientId: string, clean: boolean, reconnectPeriod?: number }} options
 */
export async function connect(url, options) {
  const { default: mqtt } = await need(() => import('mqtt'), 'mqtt@5.16.0');
  const { TIDELOCK_MQTT_USER: username, TIDELOCK_MQTT_PASSWORD: password } = process.env;
  try {
    return await mqtt.connectAsync(url, { username, password, connectTimeout: CONNECT, ...options }, false);
  } catch (error) {
    const { message, code } = /** @type {Error & { code?: string | number }} */ (error), text = reason(error) || message;
    if ([4, 5, 134, 135].includes(Number(code))) {
      throw new Told(`the broker ${url} does not let the demo in: ${text}`, `TIDELOCK_MQTT_USER and TIDELOCK_MQTT_PASSWORD have its user and password${username === undefined ? '; they are not set' : ''}.`);
    }
    if (/certificate|altnames/i.test(text)) throw new Told(`the certificate of ${url} is not trusted: ${text}`, 'Name the file of its authority in NODE_EXTRA_CA_CERTS, and take a host name that stands in it.');
    throw new Told(`there is no MQTT broker at ${url}: ${text}`, 'Check that it runs, its host and port, and that mqtts:// is for a port with TLS.');
  }
}

/** @param {unknown} error @returns {string} */
function reason(error) {
  if (error instanceof AggregateError) return error.errors.map(reason).join(', ');
  return error instanceof Error ? error.message : String(error);
}

/**
 * Takes away what the demo has left at a broker: the sessions that outlive their connections, and what is retained under its prefix, with
 * what a will still puts there. False: not all of it, or not in time.
 * @param {string} url
 * @param {string} prefix
 */
export async function tidy(url, prefix) {
  const clear = async () => {
    for (const clientId of [`${prefix}-app`, `${prefix}-keeper`]) {
      const client = await connect(url, { clientId, clean: true, reconnectPeriod: 0 });
      if (clientId.endsWith('keeper')) {
        let last = Date.now();
        client.on('message', (topic, payload) => {
          last = Date.now();
          if (payload.length > 0) client.publish(topic, '', { qos: 1, retain: true });
        });
        await client.subscribeAsync(`${prefix}/#`, { qos: 1 });
        last = Date.now(); // a broker that is far off takes longer than that to say so
        while (Date.now() - last < QUIET) await sleep(20);
      }
      await client.endAsync();
    }
    return true;
  };
  return Promise.race([clear().catch(() => false), sleep(TIDY, false)]);
}
