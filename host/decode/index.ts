/** Explains captured bytes: what `tidelock decode` prints, for programs. */
export { Decoder, type Input } from './decoder.js';
export type { DecodeOptions, FindKeys, Frame, Item, Note, Value, Verdict, Where } from './types.js';
