// core-device and its hal twin: the device's role, streams and datagrams, three suites.
import "../protocol/slot"; // first, so that the arena lies lowest: code reaches low addresses with fewer bytes
export { __data_end, __heap_base };
export { abi_version } from "../version";
export { answer, arena, connected, down, init, poll, rx, send } from "../device/machine";
