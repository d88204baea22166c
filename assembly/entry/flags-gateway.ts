// core-gateway: both roles, many sessions. The same for the build without SIMD, which asc is told by a feature.
// The first entry file of this build: code tests these constants, and what a build does not want vanishes from it.

// @ts-ignore: decorator
@global const GATEWAY: bool = true;
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
@global const BUFFER: i32 = 16384;
