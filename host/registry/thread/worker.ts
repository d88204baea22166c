/** The thread's side: opens the engine, then answers one message after the other. */
import { parentPort, workerData, type TransferListItem } from 'node:worker_threads';
import { Engine, faultOf, type EngineOptions, type News } from '../engine/engine.js';
import { databaseError } from '../database/faults.js';
import type { Fault, Operation, Reply, Result } from '../engine/operations.js';

export type ToThread = { group: readonly Operation[] } | { close: true };
export type FromThread = { reply: Reply | undefined } | { fault: Fault } | News;

const port = parentPort!;
const options = workerData as EngineOptions;

function say(message: FromThread, moved: TransferListItem[] = []): void {
  port.postMessage(message, moved);
}

function fail(error: unknown): void {
  say({ fault: faultOf(databaseError(error, options.url)) });
}

async function run(engine: Engine, group: readonly Operation[]): Promise<void> {
  const reply = await engine.run(group);
  const moved: TransferListItem[] = [];
  reply.outcomes.forEach((outcome, i) => {
    const { name } = group[i]!;
    if ((name !== 'directory' && name !== 'export') || !('value' in outcome)) return;
    const page = outcome.value as Result<'directory' | 'export'>;
    if (page !== undefined) moved.push(page.keys.buffer as ArrayBuffer); // moved: no second copy of the keys stays here
  });
  say({ reply }, moved);
}

try {
  const engine = await Engine.open(options, (news) => say(news));
  port.on('message', (message: ToThread) => {
    if ('group' in message) {
      run(engine, message.group).catch(fail);
      return;
    }
    engine.close().then(() => say({ reply: undefined }), fail).finally(() => port.close());
  });
  say({ reply: undefined });
} catch (error) {
  fail(error);
}
