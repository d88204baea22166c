/** README's table of bench/mcu/figures.json. */
const ENGINES = [['wasm2c', 'wasm2c'], ['wasm2c-hal', 'wasm2c, native block functions'], ['wamr-fast', 'WAMR, fast'], ['wamr-fast-hal', 'WAMR, fast, native block functions'], ['wamr-classic', 'WAMR, classic']] as const;
const BOARDS = [['m3', 'Cortex-M3'], ['rv32', 'rv32imc']] as const;

const number = (value: number | undefined): string => (value === undefined ? '' : value.toLocaleString('en'));

const MILLISECOND = 160_000 / 1.3; // instructions, at 160 MHz and 1.3 cycles each

export function readmeTable(figures: Record<string, number>): string {
  const lines = [
    '| Board | Engine | `signed`: sign, verify | × C by hand | `sealed`: seal, open | × C by hand | Handshake | RAM | RAM, small | Flash | Flash, small |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  for (const [board, boardName] of BOARDS) {
    const of = (name: string): number | undefined => figures[`mcu.${board}.${name}`];
    const pair = (engine: string, suite: string): string => ['sign', 'verify'].map((what) => number(of(`${engine}.${suite}.${what}`))).join(', ');
    const times = (engine: string, suite: string): string => Math.max(...['sign', 'verify'].map((what) => of(`${engine}.${suite}.${what}`)! / of(`native.${suite}.${what}`)!)).toFixed(1);
    lines.push(`| ${boardName} | C by hand | ${pair('native', 'signed')} | 1.0 | ${pair('native', 'sealed')} | 1.0 | | | | | |`);
    for (const [engine, engineName] of ENGINES) {
      const handshake = of(`${engine}.signed.handshake`);
      const sizes = ['device.ram', 'small.ram', 'device.flash', 'small.flash'].map((what) => number(of(`${engine}.${what}`)));
      const cells = [pair(engine, 'signed'), times(engine, 'signed'), pair(engine, 'sealed'), times(engine, 'sealed'), handshake === undefined ? '' : `${(handshake / MILLISECOND).toFixed(1)} ms`, ...sizes];
      lines.push(`| ${boardName} | ${engineName} | ${cells.join(' | ')} |`);
    }
    lines.push(`| ${boardName} | WAMR, fast, pages of ESP-IDF's port | | | | | | ${number(of('wamr-fast.device-padded.ram'))} | | ${number(of('wamr-fast.device-padded.flash'))} | |`);
  }
  return lines.join('\n');
}
