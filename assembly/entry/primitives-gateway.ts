// What the test twins of core-gateway export besides: the kernels.
export { macSignedBatch } from "../kernels/hmac-batch";
export { openBatch, sealBatch } from "../kernels/aead-batch";
