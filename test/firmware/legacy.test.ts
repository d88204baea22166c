// core-legacy on each board and engine: a session of IoTSocket with the gateway, a process of its own, and the session key of an STCP
// conversation.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildImage } from '../../scripts/lib/firmware/image.mjs';
import { inPlace } from '../cli/harness.js';
import { skipMissing } from '../support/skip.js';
import { BOARD_NAMES, ENGINE_NAMES, missingPart } from './images.js';
import { Modem } from './modem.js';
import { Board } from './session.js';

const ID = '1234567890';
const READINGS = 5;
/** As a server answers `STCP:alice@example.test:ACTIVATE`. */
const STCP = { key: '0123456789ABCDEF0123456789ABCDEF', answer: '[OK:5F3A90C1]', random: '5F3A90C1' };

for (const board of BOARD_NAMES) {
  for (const engine of ENGINE_NAMES) {
    const missing = missingPart(board, engine);
    const run = missing ? skipMissing(test, missing) : test;
    run(`${board}, ${engine}: IoTSocket with the gateway, and a session key of STCP`, async () => {
      const image = await buildImage({
        board,
        engine,
        core: 'core-legacy',
        sources: ['dist/firmware/examples/legacy/main.c', 'dist/firmware/boards/modem.c'],
        defines: [engine === 'wasm2c' ? 'TL_ENGINE_BYTES=8192' : 'TL_ENGINE_BYTES=512'],
      });
      await inPlace(async (place) => {
        writeFileSync(place.path('old.key'), 'goodkey123\n', { mode: 0o600 });
        assert.is((await place.run(['devices', 'add', ID, '--iotsocket', '--import-key-file', 'old.key'])).code, 0);
        const { gateway } = await place.serve(['--iotsocket', 'iotsocket://127.0.0.1:0', '--json', '--backend-socket', place.path('own/backend.sock')]);
        const ready = JSON.parse(await gateway.line('stderr', /"msg":"ready"/)) as { addresses: string[] };
        writeFileSync(place.path('legacy.txt'), `${ID}\ngoodkey123\n${STCP.key}\n${STCP.answer}\n${READINGS}\n`);
        const modem = await Modem.listen();
        modem.plain = true;
        modem.port = Number(new URL(ready.addresses.find((it) => it.startsWith('iotsocket:'))!.replace(/^[^:]*/, 'http')).port);
        const backend = net.connect(place.path('own/backend.sock'));
        let heard = '';
        writeFileSync(place.path('clock.txt'), String(Date.now()));
        const device = new Board(board, image, place, modem, { look: () => undefined });
        try {
          await new Promise<void>((done, fail) => {
            void device.ended.then((code) => fail(new Error(`the board ended with ${code}: ${device.said}`)));
            backend.on('error', fail);
            backend.on('data', (chunk) => {
              if (heard === '') backend.write('{"type":"ready","version":1}\n'); // behind hello, its first line
              heard += String(chunk);
              if ((heard.match(/"text":"reading \d"/g) ?? []).length === READINGS) done();
            });
          });
          assert.equal(heard.match(/reading \d/g), Array.from({ length: READINGS }, (_, i) => `reading ${i}`));
          backend.write(`${JSON.stringify({ type: 'post', device: ID, text: 'ON SWITCH 1' })}\n`);
          assert.is(await device.ended, 0, device.said);
          assert.match(device.said, /^push ON SWITCH 1$/m);
          const sessionKey = createHash('md5').update(STCP.key + STCP.random).digest('hex').toUpperCase();
          assert.match(device.said, new RegExp(`^session key ${sessionKey}$`, 'm'));
        } finally {
          backend.destroy();
          device.child.kill('SIGKILL');
          modem.close();
        }
      });
    });
  }
}

test.run();
