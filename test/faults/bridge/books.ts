/** The books of a run with a bridge: readings that devices sent, commands that were published, and what is wrong with them. */

/** Problems of one kind that are told; the rest is counted. */
const TOLD = 5;

interface Reading {
  told: string | undefined;
  /** `tl-id` under which it came. */
  id: string | undefined;
}

interface Command {
  readonly tlId: string;
  result: string | undefined;
  /** Its number in the queue, as the result tells it. */
  number: number | undefined;
  outbox: string | undefined;
  obeyed: number;
  /** When it was obeyed, among the commands of its device. */
  place: number;
}

export interface Sums {
  readings: number;
  acknowledged: number;
  /** Acknowledged, and never came. */
  lost: number;
  /** Came again under the same `tl-id`. */
  repeats: number;
  /** Of readings and of commands whose sender was told that nobody knows. */
  readingsInDoubt: number;
  commands: number;
  delivered: number;
  expired: number;
  inDoubt: number;
  obeyed: number;
  /** In words; a run with one has failed. */
  problems: string[];
}

class Device {
  readonly readings: Reading[] = [];
  readonly commands: Command[] = [];
  /** The last `tl-id` of a consumer that drops what is not above it. */
  outbox = '';
  last = 0;
  obeyed = 0;
}

export class Books {
  readonly #devices: Device[];
  readonly #problems = new Map<string, string[]>();
  readonly #commands = new Map<string, Command>();
  readings = 0;
  told = 0;
  acknowledged = 0;
  repeats = 0;
  commands = 0;
  results = 0;

  constructor(devices: number) {
    this.#devices = Array.from({ length: devices }, () => new Device());
  }

  problem(kind: string, text: string): void {
    const texts = this.#problems.get(kind);
    if (texts === undefined) this.#problems.set(kind, [text]);
    else texts.push(text);
  }

  /** Each device sends so many readings more, numbered on. */
  more(count: number): void {
    for (const { readings } of this.#devices) for (let i = 0; i < count; i++) readings.push({ told: undefined, id: undefined });
    this.readings += count * this.#devices.length;
  }

  /** `ok`, or an error's code. */
  readingTold(device: number, number: number, code: string): void {
    const reading = this.#devices[device]?.readings[number];
    if (reading === undefined) return this.problem('error', `device ${device} sent no reading ${number}`);
    if (reading.told !== undefined) this.problem('told twice', `reading ${number} of ${device}: first ${reading.told}, then ${code}`);
    reading.told = code;
    this.told += 1;
    if (code === 'ok') this.acknowledged += 1;
  }

  /** A reading has come at the broker's other side. */
  readingCame(device: number, id: string, text: string): void {
    const of = this.#devices[device], reading = of?.readings[Number(text)];
    if (of === undefined || reading === undefined || String(Number(text)) !== text) return this.problem('altered', `${id} of ${device}: ${JSON.stringify(text.slice(0, 30))} was never sent`);
    const dash = id.indexOf('-'), outbox = id.slice(0, dash), number = Number(id.slice(dash + 1));
    if (reading.id !== undefined) {
      if (reading.id !== id) this.problem('repeated under another tl-id', `reading ${text} of ${device}: ${reading.id}, then ${id}`);
      this.repeats += 1;
      return;
    }
    reading.id = id;
    if (outbox !== of.outbox) of.last = 0;
    else if (number <= of.last) this.problem('dropped', `a consumer that has seen ${of.last} of ${device} would drop ${number}, which it has not seen`);
    of.outbox = outbox;
    of.last = Math.max(of.last, number);
  }

  /** The next command for a device: its `tl-id`, which is its body too. */
  command(device: number): string {
    const { commands } = this.#devices[device]!, tlId = `${device}:${commands.length}`;
    const command: Command = { tlId, result: undefined, number: undefined, outbox: undefined, obeyed: 0, place: 0 };
    commands.push(command);
    this.#commands.set(tlId, command);
    this.commands += 1;
    return tlId;
  }

  obeyed(device: number, body: string): void {
    const command = this.#commands.get(body), of = this.#devices[device]!;
    if (command === undefined || !body.startsWith(`${device}:`)) return this.problem('altered', `device ${device} obeyed ${JSON.stringify(body.slice(0, 30))}, which nobody published for it`);
    command.obeyed += 1;
    command.place = ++of.obeyed;
    if (command.obeyed > 1) this.problem('obeyed twice', body);
  }

  /** At the topic of results. The same may come again, and says the same then. */
  result(tlId: string, result: string, message: string | undefined): void {
    const command = this.#commands.get(tlId);
    if (command === undefined) return this.problem('altered', `a result for ${JSON.stringify(tlId)}, which nobody published`);
    if (command.result !== undefined) {
      if (command.result !== result) this.problem('two results', `${tlId}: first ${command.result}, then ${result}`);
      return;
    }
    command.result = result;
    const named = /([0-9a-f]{8})-(\d+)$/.exec(message ?? '');
    if (named !== null) {
      command.outbox = named[1];
      command.number = Number(named[2]);
    }
    this.results += 1;
  }

  /** Readings that were acknowledged and have not come yet. */
  missing(): number {
    let missing = 0;
    for (const { readings } of this.#devices) for (const { told, id } of readings) if (told === 'ok' && id === undefined) missing += 1;
    return missing;
  }

  /** To be called once, when everything has ended and everything that came was reported. `inDoubt`: readings may end so. */
  close(inDoubt: boolean): Sums {
    const sums: Sums = {
      readings: this.readings, acknowledged: this.acknowledged, lost: 0, repeats: this.repeats, readingsInDoubt: 0,
      commands: this.commands, delivered: 0, expired: 0, inDoubt: 0, obeyed: 0, problems: [],
    };
    this.#devices.forEach(({ readings, commands }, device) => {
      readings.forEach(({ told, id }, number) => {
        if (told === 'ok' && id === undefined) {
          sums.lost += 1;
          this.problem('lost', `reading ${number} of ${device} was acknowledged and never came`);
        } else if (told === 'IN_DOUBT' && inDoubt) sums.readingsInDoubt += 1;
        else if (told !== 'ok') this.problem('no end', `reading ${number} of ${device}: ${told ?? 'its device was told nothing'}`);
      });
      for (const command of commands) this.#closeCommand(command, sums);
      this.#order(commands);
    });
    for (const [kind, texts] of this.#problems) sums.problems.push(`${kind} (${texts.length}): ${texts.slice(0, TOLD).join('; ')}`);
    return sums;
  }

  #closeCommand({ tlId, result, obeyed }: Command, sums: Sums): void {
    sums.obeyed += Math.min(obeyed, 1);
    switch (result) {
      case 'delivered':
        sums.delivered += 1;
        if (obeyed === 0) this.problem('falsely delivered', `${tlId} was never obeyed`);
        break;
      case 'expired':
        sums.expired += 1;
        if (obeyed > 0) this.problem('falsely expired', `${tlId} was obeyed`);
        break;
      case 'in doubt':
        sums.inDoubt += 1;
        break;
      default:
        this.problem('no result', `${tlId}: ${result ?? 'none came'}${obeyed > 0 ? ', and it was obeyed' : ''}`);
    }
  }

  /** In order of intake: the numbers of a device's queue rise in the order in which it obeyed. */
  #order(commands: readonly Command[]): void {
    const obeyed = commands.filter(({ obeyed, number }) => obeyed > 0 && number !== undefined).sort((a, b) => a.place - b.place);
    obeyed.forEach((command, i) => {
      const before = obeyed[i - 1];
      if (before !== undefined && before.outbox === command.outbox && before.number! > command.number!) {
        this.problem('out of order', `${command.tlId} (${command.number}) was obeyed behind ${before.tlId} (${before.number})`);
      }
    });
  }
}
