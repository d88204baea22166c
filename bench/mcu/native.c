/*
 * The same two frames by bench/native: lines of the file `native` as bench/mcu/scene.ts writes them, words apart by spaces:
 *   SUITE KEY IV KEY IV (to the gateway, to the device) | sign TIME COUNTER BODY FRAME | verify TIME COUNTER BODY FRAME
 */
#include "board.h"
#include "native.h"

#include <stdlib.h>
#include <string.h>

static char text[4096];
static uint8_t bytes[5][512];
static uint32_t lengths[5];
static native_direction out, in;
static const native_limits limits = {.life = 86400000, .window = 2000, .largest = 512};

static uint32_t unhex(const char *word, uint8_t *to)
{
    uint32_t n = 0;

    for (; word[0] > ' ' && word[1] > ' '; word += 2) {
        uint8_t high = (uint8_t)(word[0] <= '9' ? word[0] - '0' : word[0] - 'a' + 10), low = (uint8_t)(word[1] <= '9' ? word[1] - '0' : word[1] - 'a' + 10);
        to[n++] = (uint8_t)(high << 4 | low);
    }
    return n;
}

static void key(native_direction *direction, uint8_t suite, int first)
{
    direction->suite = suite;
    memcpy(direction->key, bytes[first], 32);
    memcpy(direction->iv, bytes[first + 1], 12);
    if (suite != NATIVE_SEALED) native_mac_key(&direction->mac, direction->key, 32);
}

static void work(const char *line)
{
    static uint8_t frame[600];
    const char *word = line;
    uint32_t numbers[5], count, before;
    int same;

    for (int i = 0; i < 5; i++) {
        numbers[i] = (uint32_t)strtoul(word, NULL, 10);
        lengths[i] = unhex(word, bytes[i]);
        word = strchr(word, ' ');
        word = word == NULL ? " " : word + 1;
    }
    if (line[0] == 's') {
        out.counter = numbers[2];
        before = board_instructions();
        count = native_make(&out, 0x88, bytes[3], lengths[3], numbers[1], frame);
        before = board_instructions() - before;
        same = count == lengths[4] && memcmp(frame, bytes[4], count) == 0;
    } else if (line[0] == 'v') {
        uint8_t *body = NULL;
        int verdict;

        in.counter = numbers[2];
        before = board_instructions();
        verdict = native_verify(&in, &limits, bytes[4], lengths[4], numbers[1], &body, &count);
        before = board_instructions() - before;
        same = verdict == NATIVE_OK && count == lengths[3] && memcmp(body, bytes[3], count) == 0;
    } else {
        key(&out, (uint8_t)numbers[0], 1);
        key(&in, (uint8_t)numbers[0], 3);
        return;
    }
    board_print(line[0] == 's' ? "sign" : "verify");
    board_print(same ? " = " : " OTHER BYTES ");
    board_print_number(before);
    board_print(" 0\n");
}

int main(void)
{
    size_t filled = 0;
    long file, got;

    board_init();
    file = board_open_file("native", 0);
    while ((got = board_read_file(file, text + filled, sizeof text - 1 - filled)) > 0) filled += (size_t)got;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        work(line);
    }
    board_exit(0);
    return 0;
}
