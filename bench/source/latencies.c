#include "latencies.h"

static unsigned bucket_of(uint64_t ns) {
    if (ns < 64) return (unsigned)ns;
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);
    return (power - 5) * 64 + (unsigned)(ns >> (power - 6) & 63);
}

/// The largest duration of a bucket.
static uint64_t bound_of(unsigned bucket) {
    if (bucket < 64) return bucket;
    unsigned power = bucket / 64 + 5;
    return (((uint64_t)1 << 6 | bucket % 64) + 1) << (power - 6);
}

void latencies_add(struct latencies *latencies, uint64_t ns) {
    latencies->counts[bucket_of(ns)]++;
    latencies->total++;
    if (ns > latencies->largest_ns) latencies->largest_ns = ns;
}

double latencies_at(const struct latencies *latencies, double share) {
    uint64_t wanted = (uint64_t)(share * (double)latencies->total), seen = 0;
    for (unsigned bucket = 0; bucket < 64 * 64; bucket++) {
        seen += latencies->counts[bucket];
        if (seen > wanted || seen == latencies->total) {
            uint64_t ns = bound_of(bucket) < latencies->largest_ns ? bound_of(bucket) : latencies->largest_ns;
            return latencies->total ? (double)ns / 1000 : 0;
        }
    }
    return (double)latencies->largest_ns / 1000;
}
