/**
 * Messages as they pass, for one client of the control socket. The gateway never waits for it: what its socket does not take waits
 * here, up to a bound, and what is beyond is dropped, counted, and told with the next one that is shown.
 */
import type { GatewayApi, PassingMessage } from '../../gateway/types.js';
import { badOption } from '../../options.js';
import { fits, isTopicFilter } from '../../topic-filter.js';
import type { Watched } from './protocol.js';
import type { Call } from './server.js';

/** Messages, and bytes of their bodies, that wait for a client. */
const MOST_WAITING = 256;
const MOST_BYTES = 1_048_576;

/** Throws BAD_OPTION for a pattern that is none. Fulfilled when the client has gone. */
export async function watchPassing(gateway: Pick<GatewayApi, 'on' | 'off'>, pattern: string | undefined, call: Call<'watch'>): Promise<Record<string, never>> {
  if (pattern !== undefined && !isTopicFilter(pattern)) throw badOption('pattern', pattern, 'it must be one of ID/TOPIC such as pump-7/#, + being one level and # all that follow, at the end');
  /** Each with how many passed unseen before it. */
  let waiting: [PassingMessage, number][] = [];
  let bytes = 0;
  let dropped = 0;
  let wake: (() => void) | undefined;
  const take = (message: PassingMessage): void => {
    if (pattern !== undefined && !fits(pattern, subject(message))) return;
    if (waiting.length >= MOST_WAITING || bytes + message.body.length > MOST_BYTES) {
      dropped += 1;
      return;
    }
    waiting.push([message, dropped]);
    dropped = 0;
    bytes += message.body.length;
    wake?.();
  };
  const gone = (): void => wake?.();
  gateway.on('passing', take);
  call.signal.addEventListener('abort', gone, { once: true });
  try {
    await call.event('watching', {});
    while (!call.signal.aborted) {
      if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const batch = waiting;
      waiting = [];
      for (const [message, before] of batch) {
        if (call.signal.aborted) break;
        await call.event('message', watched(message, before));
        bytes -= message.body.length;
      }
    }
  } finally {
    gateway.off('passing', take);
    call.signal.removeEventListener('abort', gone);
  }
  return {};
}

/** What a pattern is compared with. */
function subject({ device, topic }: PassingMessage): string {
  return topic === undefined ? device : `${device}/${topic}`;
}

function watched({ direction, device, id, time, topic, body, repeat, trust }: PassingMessage, dropped: number): Watched {
  return {
    direction, device, time, body: body.toString('base64'), repeat, trust,
    ...(id === '' ? {} : { id }), ...(topic === undefined ? {} : { topic }), ...(dropped === 0 ? {} : { dropped }),
  };
}
