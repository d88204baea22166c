// core-legacy: what devices of the older kind need.
// The first entry file of this build: code tests these constants, and what a build does not want vanishes from it.

// @ts-ignore: decorator
@global const GATEWAY: bool = false;
// @ts-ignore: decorator
@global const DEVICE: bool = false;
// @ts-ignore: decorator
@global const HAL: bool = false;
// @ts-ignore: decorator
@global const STREAM_ONLY: bool = false;
// @ts-ignore: decorator
@global const SEALED_ONLY: bool = false;
// @ts-ignore: decorator
@global const FRAGMENTS: bool = false;
// @ts-ignore: decorator
@global const TOPICS: bool = false;
// @ts-ignore: decorator
@global const BUFFER: i32 = 512;
