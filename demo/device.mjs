/**
 * The device of the demo, a process of its own. It gets its key over the channel to its parent (never as an argument:
 * lists of processes are public), obeys what it is asked to, and tells what it sees.
 */
import { Device } from 'tidelock/device';

/** @param {object} report */
const tell = (report) => process.send?.(report, undefined, {}, () => undefined); // the parent may have gone

/** @type {Device | undefined} */
let device;

process.on('message', (/** @type {any} */ order) => {
  if (order.start) start(order.start);
  else if (order.send) send(order.send);
  else if (order.stop) void device?.close().then(() => process.disconnect());
});
process.on('disconnect', () => process.exit()); // the parent is gone
process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group; the parent ends this process in order

/** @param {{ url: string, id: string, key: string }} options */
function start({ url, id, key }) {
  device = new Device({ url, id, key: Buffer.from(key, 'hex') });
  device.on('state', (state) => {
    const { name, reason } = state;
    tell({ state: name, reason, ...(state.name === 'waiting' ? { wait: state.wait } : {}), ...(state.name === 'online' ? { suite: state.suite } : {}) });
  });
  device.on('message', (message) => void tell({ command: message.text() })); // returning is obeying: it is acknowledged
  device.on('error', (error) => tell({ error: error.message }));
}

/** @param {string} text */
function send(text) {
  const began = performance.now();
  device?.send(text).acknowledged.then(
    () => tell({ acknowledged: text, ms: performance.now() - began }),
    (error) => tell({ error: `${text}: ${error.message}` }),
  );
}
