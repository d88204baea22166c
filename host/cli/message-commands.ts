/** The words about messages: what waits, what passes. */
import type { Command } from 'commander';
import { EXAMPLES } from './help.js';
import { Output } from './output.js';
import { collect, place, PLACES, withSettings, type Add, type Run } from './words.js';

export function addMessageCommands(add: Add, program: Command, run: Run): void {
  addQueue(add, program, run);
  addRules(add, program, run);
  addDeadLetters(add, program, run);
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

function addRules(add: Add, program: Command, run: Run): void {
  const rules = add(program, 'rules', 'queue what is published under topics of the broker for devices', EXAMPLES.rules);
  const load = () => import('./rules.js');
  const filter = 'topics at the broker, + and # as in MQTT: plant/+/settings, news/#';
  withSettings(add(rules, 'list', 'list the rules, a line for each device', ''), PLACES.map(place)).action(
    run(async ({ settings }) => (await load()).listRules(settings, new Output())),
  );
  const more = add(rules, 'add', 'make a rule, or add devices to it', '').argument('<FILTER>', filter).argument('<ID...>', 'identities of the devices, at most 1,000 in a rule');
  withSettings(more, PLACES.map(place)).action(
    run(async ({ settings }, _, [topics, identities]) => (await load()).addRule(settings, topics!, identities as unknown as string[], new Output())),
  );
  const less = add(rules, 'remove', 'take devices out of a rule, or end it', '').argument('<FILTER>', 'topics of the rule, as list shows them').argument('[ID...]', 'identities of the devices (default: all)');
  withSettings(less, PLACES.map(place)).action(
    run(async ({ settings }, _, [topics, identities]) => (await load()).removeRule(settings, topics!, identities as unknown as string[], new Output())),
  );
}

function addDeadLetters(add: Add, program: Command, run: Run): void {
  const letters = add(program, 'dead-letters', 'list and retry messages that the broker would not take', EXAMPLES.deadLetters);
  const load = () => import('./dead-letters.js');
  withSettings(add(letters, 'list', 'list them, with the reason of each', ''), PLACES.map(place)).action(
    run(async ({ settings }) => (await load()).listLetters(settings, new Output())),
  );
  const retry = add(letters, 'retry', 'send them to the broker again, once the reason is gone', '').argument('<NUMBER...>', 'numbers that list shows, or all');
  withSettings(retry, PLACES.map(place)).action(
    run(async ({ settings }, _, [numbers]) => (await load()).retryLetters(settings, numbers as unknown as string[], new Output())),
  );
}

/** What concerns a broker, of one device. */
export function addDeviceTopics(add: Add, devices: Command, run: Run): void {
  const load = () => import('./subscriptions.js');
  for (const word of ['subscribe', 'unsubscribe'] as const) {
    const text = word === 'subscribe' ? 'let further topics of the broker reach a device while it is connected' : 'end that';
    const command = add(devices, word, text, word === 'subscribe' ? EXAMPLES.subscribe : '')
      .argument('<ID>', 'identity of the device')
      .argument('<FILTER>', 'topics at the broker, + and # as in MQTT: plant/+/weather, news/#');
    withSettings(command, PLACES.map(place)).action(
      run(async ({ settings }, _, [identity, filter]) => (await load()).changeSubscription(settings, word, identity!, filter!, new Output())),
    );
  }
  const list = add(devices, 'subscriptions', 'list which further topics reach a device, or all', '').argument('[ID]', 'identity of the device (default: all)');
  withSettings(list, PLACES.map(place)).action(run(async ({ settings }, _, [identity]) => (await load()).listSubscriptions(settings, identity, new Output())));
}

/** What devices are to Home Assistant. */
export function addEntities(add: Add, devices: Command, run: Run): void {
  const load = () => import('./entities.js');
  const announce = add(devices, 'announce', 'show a value or a switch of a device in Home Assistant', EXAMPLES.announce)
    .argument('<ID>', 'identity of the device')
    .argument('<ENTITY>', 'its name there: small letters, digits and _')
    .requiredOption('--platform <NAME>', 'sensor, binary_sensor, switch, number, button, select, text, light, lock, fan, valve, siren or event')
    .option('--name <TEXT>', 'what people see')
    .option('--unit <TEXT>', 'unit of measurement, such as °C')
    .option('--device-class <NAME>', 'such as temperature, battery, moisture')
    .option('--state-class <NAME>', 'measurement, total or total_increasing')
    .option('--topic <TOPIC>', 'topic of the device by which the state comes; "" for messages without one')
    .option('--template <TEXT>', 'makes the state of a message: {{ value_json.t }}')
    .option('--command <TOPIC>', 'topic under which commands go to the device; "" for none')
    .option('--set <NAME=VALUE>', 'any other field of the platform, may be given again', collect);
  withSettings(announce, PLACES.map(place)).action(
    run(async ({ settings }, flags, [identity, name]) => {
      const { announceEntity, readMore } = await load();
      const names = ['platform', 'name', 'unit', 'deviceClass', 'stateClass', 'topic', 'template', 'command'];
      const given = Object.fromEntries(names.filter((each) => flags[each] !== undefined).map((each) => [each, flags[each]]));
      const more = readMore((flags['set'] ?? []) as string[]);
      await announceEntity(settings, identity!, name!, { ...given, ...(Object.keys(more).length === 0 ? {} : { more }) } as never, new Output());
    }),
  );
  const unannounce = add(devices, 'unannounce', 'let Home Assistant forget one, or all of a device', '')
    .argument('<ID>', 'identity of the device')
    .argument('[ENTITY]', 'its name there (default: all of the device)');
  withSettings(unannounce, PLACES.map(place)).action(
    run(async ({ settings }, _, [identity, name]) => (await load()).unannounceEntity(settings, identity!, name, new Output())),
  );
  const list = add(devices, 'announced', 'list what Home Assistant is told', '').argument('[ID]', 'identity of the device (default: all)');
  withSettings(list, PLACES.map(place)).action(run(async ({ settings }, _, [identity]) => (await load()).listEntities(settings, identity, new Output())));
}
