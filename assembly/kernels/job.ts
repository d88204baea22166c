// A job: one frame to authenticate, 32 bytes. Numbers are little-endian u32.
//   0 body address, 4 body length, 8 tag address, 12 result, 16 header
// The header is the 15 bytes that every tag covers besides the body, and one byte more that is never read into a tag.
//
// The kernels read up to 15 bytes beyond a body, never use them, and never write there: a body must not lie in the
// last 15 bytes of the memory.

export const JOB_BYTES: u32 = 32;
export const JOB_BODY: usize = 0;
export const JOB_LENGTH: usize = 4;
export const JOB_TAG: usize = 8;
export const JOB_RESULT: usize = 12;
export const JOB_HEADER: usize = 16;
export const HEADER_BYTES: u32 = 15;
