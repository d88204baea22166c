// core-legacy: the session keys of one older protocol, the device's role of the other.
export { abi_version } from "../version";
export { legacy_arena, legacy_arena_bytes, session_key_add, session_key_begin, session_key_end } from "../legacy/keys";
export { iot_arena, iot_check, iot_device, iot_find, iot_free, iot_init, iot_open, iot_rx, iot_send, iot_tick, iot_wait } from "../legacy/iotsocket/machine";
export { __data_end, __heap_base };
