/** Which files a component or library for firmware is made of: from where in the package, to where in the folder that is written. */

const CORES = ['device', 'small', 'hal'] as const;

export type Kind = 'c' | 'esp-idf' | 'arduino';
export type Engine = 'wasm2c' | 'wamr';
export type Core = (typeof CORES)[number];

export interface Choice {
  readonly kind: Kind;
  readonly engine: Engine;
  /** The core; where the folder holds all three, the one that is the default. */
  readonly core: Core;
}

/** Below the package's folder → below the folder that is written. A folder goes whole. */
export type Copies = readonly (readonly [from: string, to: string])[];

/** A text that is changed on its way: the file below the written folder, what stands there once, and what shall. */
export type Changes = readonly (readonly [file: string, old: string, now: string])[];

export interface Layout {
  readonly copies: Copies;
  readonly changes: Changes;
}

const HEADERS = ['tidelock.h', 'tidelock_abi.h'];
const CLIENT = ['client.c', 'client.h', 'core.c', 'engine.h', 'events.c', 'hal.c', 'hal.h', 'outbox.c', 'outbox.h', 'query.c', 'status.c'];
const FILES: Record<Core, string> = { device: 'core-device', small: 'core-device-small', hal: 'core-device-hal' };
const MACROS: Record<Core, string> = { device: 'TL_CORE_DEVICE', small: 'TL_CORE_SMALL', hal: 'TL_CORE_HAL' };

/** What runs the core, and the core in its form. */
function engineFiles({ kind, engine }: Choice, cores: readonly Core[], sources: string, below: string): Copies {
  if (engine === 'wasm2c') {
    const files = ['engine-wasm2c.c', 'wasm2c.h'].map((name) => [`dist/firmware/src/${name}`, `${sources}/${name}`] as const);
    return [...files, ...cores.map((core) => [`dist/firmware/wasm2c/${FILES[core]}.w2c.h`, `${below}wasm2c/${FILES[core]}.w2c.h`] as const)];
  }
  // ESP-IDF's port of WAMR has pages of 4 KiB: its cores are padded to them.
  const from = kind === 'esp-idf' ? 'dist/firmware/wasm-4k' : 'dist/wasm';
  return [['dist/firmware/src/engine-wamr.c', `${sources}/engine-wamr.c`], ...cores.map((core) => [`${from}/${FILES[core]}.wasm`, `${below}wasm/${FILES[core]}.wasm`] as const)];
}

function clientFiles(choice: Choice, cores: readonly Core[], headers: string, sources: string, below = ''): Copies {
  return [
    ...HEADERS.map((name) => [`dist/firmware/include/${name}`, `${headers}/${name}`] as const),
    ...CLIENT.map((name) => [`dist/firmware/src/${name}`, `${sources}/${name}`] as const),
    ...engineFiles(choice, cores, sources, below),
    ['LICENSE', 'LICENSE'],
    ['dist/firmware/NOTICE', 'NOTICE'],
  ];
}

/** The header's defaults become what was chosen, so that whoever includes it needs no -D. */
function headerDefaults(header: string, { core, engine }: Choice): Changes {
  const chosen = `#define TL_CORE ${MACROS[core]}\n${engine === 'wamr' ? '#endif\n#ifndef TL_ENGINE_WAMR\n#define TL_ENGINE_WAMR\n' : ''}`;
  return [[header, '#define TL_CORE TL_CORE_DEVICE\n', chosen]];
}

function espIdf(choice: Choice): Layout {
  const folder = 'dist/firmware/esp-idf';
  const changes: [string, string, string][] = [['Kconfig', 'default TIDELOCK_CORE_DEVICE\n', `default TIDELOCK_CORE_${choice.core.toUpperCase()}\n`]];
  if (choice.engine === 'wamr') {
    changes.push(['CMakeLists.txt', 'set(TIDELOCK_ENGINE wasm2c)\n', 'set(TIDELOCK_ENGINE wamr)\n']);
    changes.push(['idf_component.yml', '  idf: ">=5.1,<6.0"\n', '  idf: ">=5.1,<6.0"\n  espressif/wasm-micro-runtime: "^2.4.0"\n']);
  }
  return {
    copies: [
      ...['CMakeLists.txt', 'Kconfig', 'README.md', 'idf_component.yml', 'include', 'src', 'examples'].map((name) => [`${folder}/${name}`, name] as const),
      ...clientFiles(choice, CORES, 'tidelock/include', 'tidelock/src', 'tidelock/'),
    ],
    changes,
  };
}

export function layout(choice: Choice): Layout {
  if (choice.kind === 'esp-idf') return espIdf(choice);
  if (choice.kind === 'arduino') {
    const folder = 'dist/firmware/arduino';
    return {
      copies: [
        ...['library.properties', 'library.json', 'examples'].map((name) => [`${folder}/${name}`, name] as const),
        ...clientFiles(choice, [choice.core], 'src', 'src'),
      ],
      changes: headerDefaults('src/tidelock.h', choice),
    };
  }
  return { copies: clientFiles(choice, [choice.core], 'include', 'src'), changes: headerDefaults('include/tidelock.h', choice) };
}
