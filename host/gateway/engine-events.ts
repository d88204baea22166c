/** What the engine tells the gateway. */
import type { Alarm, DeviceChange, Refusal } from './types.js';

export interface EngineEvents {
  device(change: DeviceChange): void;
  refused(refusal: Refusal): void;
  alarm(alarm: Alarm): void;
  drain(device: string): void;
  /** `byStranger`: who caused it has proved nothing. */
  failed(error: unknown, byStranger?: boolean): void;
  /** Something may have become finished. */
  settled(): void;
  wantsRefusals(): boolean;
}
