// A gateway that a target besieges: it knows a few devices, and one of them is never part of the siege.

import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { Device, type DeviceOptions } from 'tidelock/device';
import { Gateway, type GatewayOptions } from 'tidelock/gateway';

export const KEY = new Uint8Array(32).fill(7);
/** Devices that take part: of each a gateway takes 16 handshakes on datagrams in 20 s. */
const DEVICES = 2_048;
/** Above every rate: a limiter would keep most inputs from the parser. */
const MANY = 1_000_000;

export interface Besieged {
  gateway: Gateway;
  port: number;
  /** Numbers of the devices that take part, in turn. */
  next(): number;
  /** Another device gets in and is heard; of strangers that left nothing is held. */
  check(): Promise<void>;
}

export const nonce = (): Buffer => randomBytes(16);

/** @param scheme  of the valid device's address */
export async function openGateway(listen: string, scheme = 'tidelock', options: Partial<GatewayOptions> = {}, honestly: Partial<DeviceOptions> = {}): Promise<Besieged> {
  const names = Array.from({ length: DEVICES + 1 }, (_, i) => `pump-${i}`);
  const gateway = await Gateway.listen({
    ...options,
    listen,
    devices: Object.fromEntries(names.map((name) => [name, KEY])),
    limits: { helloRate: MANY, helloBurst: MANY, helloRateTotal: MANY, helloBurstTotal: MANY, takeovers: MANY },
  });
  const honest = `pump-${DEVICES}`;
  let heard = '', checks = 0, turn = 0;
  gateway.on('message', (message) => {
    if (message.device === honest) heard = message.text();
  });
  const port = Number(new URL(gateway.address).port);
  return {
    gateway,
    port,
    next: () => turn++ % DEVICES,
    async check() {
      const device = new Device({ url: `${scheme}://127.0.0.1:${port}`, id: honest, key: KEY, ...honestly });
      const text = `still there ${checks++}`;
      await device.send(text).acknowledged;
      assert.equal(heard, text);
      await device.close();
      for (let i = 0; gateway.counters().halfOpen > 0; i++) {
        assert.ok(i < 10_000, 'half-open connections of strangers that left');
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
}
