/** Without the optional package serialport one error names the command that installs it, on both sides. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runInstalled } from '../support/installed.js';

test('a serial line without serialport: gateway and device say what is to be installed', () => {
  const { status, output } = runInstalled(`
    import { Gateway } from 'tidelock/gateway';
    import { Device } from 'tidelock/device';
    const url = 'serial:/dev/ttyUSB0';
    await Gateway.listen({ devices: {}, listen: url }).then(() => console.log('listens'), ({ code, message }) => console.log('gateway', code, message));
    const device = new Device({ url, id: 'pump-7', key: new Uint8Array(32) });
    const said = new Promise((resolve) => {
      device.on('state', ({ error }) => error && resolve(error));
      device.on('error', resolve);
    });
    await said.then(({ code, message }) => console.log('device', code, message));
    await device.close({ drain: 0 });`);
  assert.is(status, 0, output);
  for (const side of ['gateway', 'device']) {
    assert.match(output, new RegExp(`^${side} DRIVER_MISSING no driver for serial ports: serialport is not installed\\. Run \`npm install serialport@13\`\\.$`, 'm'));
  }
});

test.run();
