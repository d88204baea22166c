// core-gateway, with and without SIMD: both roles, many sessions.
export { abi_version } from "../version";
export { answer, arena, connected, down, init, poll, rx, send } from "../device/machine";
export { dc_arena, dc_discover, dc_offer, dc_read } from "../protocol/discovery";
export { gw_arena, gw_clock, gw_free, gw_init, gw_open, gw_slots } from "../gateway/table";
export { gw_accept, gw_again, gw_key } from "../gateway/handshake";
export { gw_answer, gw_close, gw_due, gw_probe, gw_queue, gw_rx, gw_send, gw_tick, is_identity, is_topic, probe } from "../gateway/sessions";
export { iot_arena, iot_check, iot_device, iot_digest, iot_find, iot_free, iot_init, iot_key, iot_open, iot_rx, iot_send, iot_slots, iot_tick, iot_wait } from "../legacy/iotsocket/machine";
export { ob_arena, ob_challenge, ob_frame, ob_free, ob_hello, ob_key, ob_open, ob_proof, ob_split } from "../observer/observer";
