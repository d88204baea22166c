// The gateway's TLS port: what is no TLS, spoiled ClientHellos, and bytes of strangers inside a session of TLS.

import { connect } from 'node:tls';
import { certificate, identity } from '../../support/tls.js';
import { openGateway } from '../besieged.js';
import type { Open, Target } from '../target.js';
import { dial, say } from './tcp.js';

function target(name: string, inside: boolean): Target {
  return {
    name,
    atOnce: 8,
    short: 64,
    async open(): Promise<Open> {
      const made = certificate();
      const { gateway, check, port } = await openGateway('tidelocks://127.0.0.1:0', 'tidelocks', { tls: identity(made) }, { tls: { ca: made.cert } });
      let session: Buffer | undefined;
      return {
        async feed(input) {
          const socket = await dial(port);
          if (!inside) return say(socket, input);
          // A stranger does not look at certificates.
          // TLS 1.2, so that a resumed session costs no public-key operation: what is inside matters here.
          const secure = connect({ socket, session, rejectUnauthorized: false, maxVersion: 'TLSv1.2', ALPNProtocols: ['tidelock/1'] });
          secure.on('session', (told) => (session ??= told));
          secure.on('error', () => undefined);
          return say(secure, input);
        },
        check,
        close: () => gateway.close({ drain: 0 }),
      };
    },
  };
}

export const targets = [target('tls', false), target('tls-inside', true)];
