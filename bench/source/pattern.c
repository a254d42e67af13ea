#include "pattern.h"

#include <string.h>

static uint8_t table[PATTERN_BYTES + PATTERN_RUN_BYTES];

void pattern_fill(void) {
    // splitmix64; printable, so that a dump of a wrong body can be read.
    uint64_t state = 0;
    for (size_t index = 0; index < PATTERN_BYTES; index++) {
        uint64_t word = (state += 0x9E3779B97F4A7C15u);
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9u;
        word = (word ^ word >> 27) * 0x94D049BB133111EBu;
        table[index] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-"[word >> 58];
    }
    for (size_t index = PATTERN_BYTES; index < sizeof table; index++) table[index] = table[index - PATTERN_BYTES];
}

const uint8_t *pattern_at(uint64_t offset) { return table + offset % PATTERN_BYTES; }

bool pattern_matches(uint64_t offset, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        size_t part = count < PATTERN_RUN_BYTES ? count : PATTERN_RUN_BYTES;
        if (memcmp(pattern_at(offset), bytes, part)) return false;
        offset += part;
        bytes += part;
        count -= part;
    }
    return true;
}
