/**
 * Compiles one build of the core with asc's own API, then shrinks it where its target asks for size.
 * The result depends on the sources, asconfig.json and the versions of asc and Binaryen, on nothing else.
 */
import { root } from './root.mjs';

// Its name is hidden from the type checker: asc's declarations would replace Node's globals by AssemblyScript's.
const ASC = /** @type {string} */ ('assemblyscript/asc');
const { default: asc } = await import(ASC);

/** Where static data ends. asc rounds neither up to what WAMR wants. */
const ENDS = ['~lib/memory/__data_end', '~lib/memory/__heap_base'];
const WAMR_ALIGNMENT = 16;

/**
 * @param {import('./core-builds.mjs').CoreBuild} build
 * @returns {Promise<Uint8Array>} the module
 * @throws {Error} with what asc printed, where it does not compile
 */
export async function compileCore({ name, target, entries }) {
  const printed = asc.createMemoryStream();
  /** @type {{ binaryen?: any, features: number }} */
  const tools = { features: 0 };
  class AlignEnds {
    /** @param {any} module  a Binaryen module */
    afterCompile(module) {
      // asc puts itself and Binaryen on the prototype of a transform.
      tools.binaryen = /** @type {any} */ (this).binaryen;
      tools.features = module.getFeatures();
      // WAMR shrinks a module's memory from 64 KiB to what is used only if the data end is a multiple of 16.
      for (const name of ENDS) {
        const global = module.getGlobal(name);
        if (!global) continue;
        const end = tools.binaryen.getExpressionInfo(tools.binaryen.getGlobalInfo(global).init).value;
        module.removeGlobal(name);
        module.addGlobal(name, tools.binaryen.i32, false, module.i32.const(-(-end & -WAMR_ALIGNMENT)));
      }
    }
  }
  /** @type {Uint8Array | undefined} */
  let binary;
  const options = ['--baseDir', root, '--config', 'asconfig.json', '--target', target, '--outFile', `${name}.wasm`];
  const { error } = await asc.main([...entries, ...options], {
    stdout: printed,
    stderr: printed,
    transforms: [/** @type {any} */ (AlignEnds)],
    writeFile: (/** @type {string} */ _name, /** @type {Uint8Array | string} */ contents) => {
      binary = /** @type {Uint8Array} */ (contents);
    },
  });
  if (error || !binary) throw new Error(`${name}: ${error?.message ?? 'asc wrote nothing'}\n${printed.toString()}`);
  return target === 'device' ? shrink(tools.binaryen, tools.features, binary) : binary;
}

/**
 * More rounds of Binaryen over the finished binary find 1 to 2 % that asc's own leave: asc inlines less, and reading
 * the binary back drops what its rounds still carry. Which size of function pays inlining everywhere differs from one
 * state of the sources to the next by up to 70 bytes, so all likely ones are tried.
 * @param {any} binaryen
 * @param {number} features
 * @param {Uint8Array} binary
 */
function shrink(binaryen, features, binary) {
  // Settings of the whole process: put back, or the next build of this thread would depend on this one.
  const always = binaryen.getAlwaysInlineMaxSize();
  const oneCaller = binaryen.getOneCallerInlineMaxSize();
  const flexible = binaryen.getFlexibleInlineMaxSize();
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  binaryen.setOneCallerInlineMaxSize(-1); // no limit
  binaryen.setFlexibleInlineMaxSize(20); // Binaryen's default
  try {
    return [0, 2, 3, 4]
      .map((nodes) => {
        binaryen.setAlwaysInlineMaxSize(nodes);
        return converge(binaryen, features, binary);
      })
      .reduce((best, next) => (next.length < best.length ? next : best));
  } finally {
    binaryen.setAlwaysInlineMaxSize(always);
    binaryen.setOneCallerInlineMaxSize(oneCaller);
    binaryen.setFlexibleInlineMaxSize(flexible);
  }
}

/**
 * @param {any} binaryen
 * @param {number} features
 * @param {Uint8Array} binary
 */
function converge(binaryen, features, binary) {
  const module = binaryen.readBinary(binary);
  try {
    module.setFeatures(features);
    for (let best = Infinity; binary.length < best; binary = module.emitBinary()) {
      best = binary.length;
      module.optimize();
    }
    return shortenAddresses(binaryen, features, module.emitText());
  } finally {
    module.dispose();
  }
}

/**
 * Of a constant address, Binaryen puts all into the pointer: `i32.const 100`, `i32.load` take 6 bytes. A pointer up to 63
 * and an offset up to 127 have one byte each: for addresses up to 190 the sum is split, and an access takes 5.
 * @param {any} binaryen
 * @param {number} features
 * @param {string} text  the module as emitText writes it: a constant pointer stands on the line behind its load or store
 * @returns {Uint8Array}
 */
function shortenAddresses(binaryen, features, text) {
  const access = /(\(i(?:32|64)\.(?:load|store)\w*)(?: offset=(\d+))?(\s*\(i32\.const )(\d+)\)/g;
  const module = binaryen.parseText(
    text.replace(access, (_all, operation, offset, pointer, base) => {
      const address = Number(base) + Number(offset ?? 0);
      const rest = address > 127 && address <= 63 + 127 ? 63 : 0;
      return `${operation} offset=${address - rest}${pointer}${rest})`;
    }),
  );
  try {
    module.setFeatures(features);
    if (!module.validate()) throw new Error('the module is invalid after its addresses were shortened');
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}
