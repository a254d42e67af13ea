// The bytes of every body: a repeated sequence of a prime length, so that a byte that is lost, doubled or out of order
// is seen wherever it happens. Comparing all of a body with it says as much as a digest, and costs less.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATTERN_BYTES = 65521, PATTERN_RUN_BYTES = 1 << 18 };

void pattern_fill(void);
/// At least PATTERN_RUN_BYTES bytes of a body from `offset` on.
const uint8_t *pattern_at(uint64_t offset);
bool pattern_matches(uint64_t offset, const uint8_t *bytes, size_t count);
