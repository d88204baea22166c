/* A program that keeps all of the client in an image, for its sizes: it is linked and never run. */
#include "board.h"
#include "tidelock.h"

uint64_t tl_bench_memory[TL_MEMORY_BYTES / 8];
static uint32_t outbox[128];
static uint8_t parts[512];
static const uint8_t key[32];

static bool no_random(void *user, uint8_t *out, uint32_t bytes)
{
    (void)user, (void)out, (void)bytes;
    return false;
}

static tl_verdict no_event(void *user, const tl_event *event)
{
    (void)user, (void)event;
    return TL_TAKE;
}

int main(void)
{
    tl_config config = {0};
    tl_client *client;
    uint8_t bytes[64];
    uint32_t count;
    uint64_t ms;

    board_init();
    config.size = sizeof config;
    config.memory = tl_bench_memory, config.memory_bytes = sizeof tl_bench_memory;
    config.outbox = outbox, config.outbox_bytes = sizeof outbox;
    config.parts = parts, config.parts_bytes = sizeof parts;
    config.key = key, config.identity = "pump-7";
    config.random = no_random, config.event = no_event;
    if (tl_open(&client, &config, board_ms()) != TL_OK) board_exit(1);
    tl_start(client, 1), tl_connected(client, 1), tl_disconnected(client, 1), tl_set_link(client, 0, 0);
    tl_receive(client, bytes, sizeof bytes, &count, 1), tl_poll(client, 1);
    tl_output(client, &count), tl_output_taken(client, count);
    tl_post(client, bytes, 1, 1), tl_send(client, bytes, 1, 0, false, &count, 1);
    tl_publish(client, "a", 1, 0, bytes, 1, 0, false, &count, 1);
    tl_clock_lost(client, 1), tl_unix_ms(client, 1, &ms), tl_stop(client, 1), tl_close(client);
    board_exit((int)(tl_queued(client) + tl_refused(client, 1) + tl_is_online(client)));
    return 0;
}
