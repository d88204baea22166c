// Hosts ask this first: a core of another version would read their memory wrongly.
import { ABI_VERSION } from "./abi";

export function abi_version(): u32 {
  return ABI_VERSION;
}
