// What the test twins of core-gateway export besides: the kernels.
export { ABI_VERSION } from "../abi";
