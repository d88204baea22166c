// core-device: the device's role, both links, the three suites.
// The first entry file of this build: code tests these constants, and what a build does not want vanishes from it.

// @ts-ignore: decorator
@global const GATEWAY: bool = false;
// @ts-ignore: decorator
@global const DEVICE: bool = true;
// @ts-ignore: decorator
@global const HAL: bool = false;
// @ts-ignore: decorator
@global const STREAM_ONLY: bool = false;
// @ts-ignore: decorator
@global const SEALED_ONLY: bool = false;
// @ts-ignore: decorator
@global const FRAGMENTS: bool = true;
// @ts-ignore: decorator
@global const TOPICS: bool = true;
// @ts-ignore: decorator
@global const BUFFER: i32 = 512;
