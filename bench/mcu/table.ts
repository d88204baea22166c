/** README's table of bench/mcu/figures.json. */
const ENGINES = [['wasm2c', 'wasm2c'], ['wasm2c-hal', 'wasm2c, native block functions'], ['wamr-fast', 'WAMR, fast'], ['wamr-fast-hal', 'WAMR, fast, native block functions'], ['wamr-classic', 'WAMR, classic']] as const;
const BOARDS = [['m3', 'Cortex-M3'], ['rv32', 'rv32imc']] as const;

const number = (value: number | undefined): string => (value === undefined ? '' : value.toLocaleString('en'));

export function readmeTable(figures: Record<string, number>): string {
  const lines = [
    '| Board | Engine | Sign, instructions | Verify | × C by hand | RAM | RAM, small | Flash | Flash, small |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  for (const [board, boardName] of BOARDS) {
    const of = (name: string): number | undefined => figures[`mcu.${board}.${name}`];
    lines.push(`| ${boardName} | C by hand | ${number(of('native.signed.sign'))} | ${number(of('native.signed.verify'))} | 1.0 | | | | |`);
    for (const [engine, engineName] of ENGINES) {
      const times = Math.max(...['sign', 'verify'].map((what) => of(`${engine}.signed.${what}`)! / of(`native.signed.${what}`)!));
      const sizes = ['device.ram', 'small.ram', 'device.flash', 'small.flash'].map((what) => number(of(`${engine}.${what}`)));
      lines.push(`| ${boardName} | ${engineName} | ${number(of(`${engine}.signed.sign`))} | ${number(of(`${engine}.signed.verify`))} | ${times.toFixed(1)} | ${sizes.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}
