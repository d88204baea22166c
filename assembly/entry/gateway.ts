// core-gateway, with and without SIMD: both roles, many sessions.
export { abi_version } from "../version";
export { answer, arena, connected, down, init, poll, rx, send } from "../device/machine";
export { gw_arena, gw_clock, gw_free, gw_init, gw_open, gw_slots } from "../gateway/table";
export { gw_accept, gw_again, gw_key } from "../gateway/handshake";
export { gw_answer, gw_close, gw_due, gw_queue, gw_rx, gw_send, gw_tick, is_identity } from "../gateway/sessions";
