/* The gateway's core in C as the peer of a fuzzed client: it alone makes valid tags, so that no second copy of the protocol is needed. */
#ifndef FUZZ_GATEWAY_H
#define FUZZ_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

/* Where what the gateway puts out goes: on datagrams one frame each. */
typedef void gateway_output(const uint8_t *bytes, uint32_t count);

void gateway_init(void);
/* A new slot for a link (TL_LINK_*) that allows these suites. */
void gateway_open(uint8_t link, uint8_t suites, uint32_t now);
/* Bytes of the device's: handshakes are answered, everything else is taken. */
void gateway_receive(const uint8_t *bytes, uint32_t count, uint32_t now, gateway_output *output);
/* A frame of any type with any body under a valid tag; id 0, or the id that comes next. False: there is no session, or no room. */
bool gateway_seal(uint8_t type, const uint8_t *body, uint32_t count, uint32_t now, gateway_output *output);
/* The session's state, 512 bytes, to go back to. */
void gateway_save(uint8_t slot[512]);
void gateway_restore(const uint8_t slot[512]);

extern const uint8_t gateway_device_key[32];

#endif
