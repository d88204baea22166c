// core-device and its hal twin: the device's role, streams and datagrams, three suites.
export { __data_end, __heap_base };
export { abi_version } from "../version";
export {
  answer, arena, clock_lost, connected, init, lost, poll, queue, renumber, rx, send, sent, start, stop,
} from "../device/machine";
