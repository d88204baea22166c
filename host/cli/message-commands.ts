/** The words about messages: what waits, what passes. */
import type { Command } from 'commander';
import { EXAMPLES } from './help.js';
import { Output } from './output.js';
import { place, PLACES, withSettings, type Add, type Run } from './words.js';

export function addMessageCommands(add: Add, program: Command, run: Run): void {
  addQueue(add, program, run);
  const watch = add(program, 'watch', 'show messages as they pass the running gateway', EXAMPLES.watch)
    .argument('[PATTERN]', 'of ID/TOPIC, + is one level, # all that follow: pump-7/#, plant-2/+/temp/# (default: everything)');
  withSettings(watch, PLACES.map(place)).action(
    run(async ({ settings }, _, [pattern]) => (await import('./watch.js')).watch(settings, pattern, new Output())),
  );
}

function addQueue(add: Add, program: Command, run: Run): void {
  const queue = add(program, 'queue', 'list and cancel messages that wait for devices', EXAMPLES.queue);
  const load = () => import('./queue.js');
  const list = add(queue, 'list', 'list what waits for a device, or for all', '').argument('[ID]', 'identity of the device (default: all)');
  withSettings(list, PLACES.map(place)).action(run(async ({ settings }, _, [identity]) => (await load()).listQueue(settings, identity, new Output())));
  const cancel = add(queue, 'cancel', 'take messages out that were not sent yet', '')
    .argument('<ID>', 'identity of the device')
    .argument('[MESSAGE]', 'name of one message, as `queue list` shows it (default: all of the device)');
  withSettings(cancel, PLACES.map(place)).action(
    run(async ({ settings }, _, [identity, message]) => (await load()).cancelQueue(settings, identity!, message, new Output())),
  );
}
