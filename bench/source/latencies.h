// A histogram of durations: 64 buckets for each power of two, so that a quantile is right to 1.6 %.
#pragma once
#include <stdint.h>

struct latencies {
    uint64_t counts[64 * 64];
    uint64_t total, largest_ns;
};

void latencies_add(struct latencies *latencies, uint64_t ns);
/// The duration that a share of 0…1 did not exceed, in microseconds; 0 without any.
double latencies_at(const struct latencies *latencies, double share);
