/** What a backend sends to devices, and how each of it ended. */
import type { GatewayApi } from '../../gateway/types.js';
import type { Registry } from '../../registry/types.js';
import { isTold } from '../told.js';
import { parts } from '../failure.js';
import { LineFault, type BackendLine } from './protocol.js';

type Line<T extends BackendLine['type']> = BackendLine & { type: T };

/** `state` of a result by the code with which a send was rejected; any other is `failed`. */
const STATES: Readonly<Record<string, string>> = {
  EXPIRED: 'expired',
  REFUSED: 'refused',
  NO_TARGET: 'no target',
  TOO_LONG: 'too long',
  QUEUE_FULL: 'queue full',
  IN_DOUBT: 'in doubt',
  CANCELLED: 'cancelled',
  DEVICE_UNKNOWN: 'unknown device',
  BAD_IDENTITY: 'unknown device',
  DISABLED: 'disabled',
};

export class Pushes {
  readonly #gateway: GatewayApi;
  readonly #registry: Pick<Registry, 'outcome'>;
  readonly #tell: (line: object) => void;

  constructor(gateway: GatewayApi, registry: Pick<Registry, 'outcome'>, tell: (line: object) => void) {
    this.#gateway = gateway;
    this.#registry = registry;
    this.#tell = tell;
  }

  /** Fulfilled when it is queued or known not to be; the result comes when the device has spoken, or the lifetime is over. */
  async send({ ref, device, topic, body, lifetime, doubt }: Line<'send'>): Promise<void> {
    const options = { ...(topic === undefined ? {} : { topic }), ...(lifetime === undefined ? {} : { lifetime }), ...(doubt === undefined ? {} : { doubt }) };
    const sending = this.#gateway.send(device, body, options);
    let message: string | undefined;
    const named = (): object => (message === undefined ? {} : { message });
    sending.acknowledged.then(
      () => this.#tell({ type: 'result', ref, state: 'delivered', ...named() }),
      (error: unknown) => {
        const { code } = error as { code?: string };
        // The gateway closes before the end of this message is known: it stays queued, and `outcome` tells the end later.
        if (code === 'CLOSED' && message !== undefined) return;
        this.#tell({ type: 'result', ref, state: STATES[code ?? ''] ?? 'failed', ...named(), error: parts(error) });
      },
    );
    try {
      message = await sending.queued;
    } catch {
      return; // told as the result
    }
    this.#tell({ type: 'queued', ref, message, online: this.#gateway.device(device) !== undefined });
  }

  post({ ref, device, topic, body }: Line<'post'>): void {
    let state: string;
    try {
      state = this.#gateway.post(device, body, topic === undefined ? {} : { topic }) ? 'posted' : 'dropped';
    } catch (error) {
      if (isTold(error)) throw new LineFault(error.problem, ref);
      throw error;
    }
    if (ref !== undefined) this.#tell({ type: 'result', ref, state });
  }

  /** What became of a message, also of one that was sent before a restart. */
  async outcome({ ref, message }: Line<'outcome'>): Promise<void> {
    const found = await this.#registry.outcome(message);
    const state = found === undefined ? 'unknown' : 'end' in found ? found.end : 'queued';
    this.#tell({ type: 'result', ref, state, message });
  }
}

