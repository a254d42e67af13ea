// The role of a tunnel client: binds tunnels, a few at a time, and serves their visitors until it is told to end.
#include "carrier.h"
#include "roles.h"
#include "streams.h"

#include <string.h>

static uint64_t end_ns, started_ns;
static int dialled, bound, lost;
static const char *last_loss = "";

static void dial_next(void) {
    uint8_t tunnel[16];
    memcpy(tunnel, options.tunnel, sizeof tunnel);
    // Its last four bytes count the tunnels.
    uint32_t last = (uint32_t)tunnel[12] << 24 | (uint32_t)tunnel[13] << 16 | (uint32_t)tunnel[14] << 8 | tunnel[15];
    last += (uint32_t)dialled++;
    for (int index = 0; index < 4; index++) tunnel[12 + index] = (uint8_t)(last >> (24 - 8 * index));
    carrier_dial(tunnel);
}

void carrier_bound(struct carrier *carrier) {
    (void)carrier;
    bound++;
    if (bound == options.tunnels)
        say("{\"event\": \"bound\", \"tunnels\": %d, \"seconds\": %.3f}", bound, (double)(now_ns - started_ns) / 1e9);
    if (dialled < options.tunnels) dial_next();
}

void carrier_lost(struct carrier *carrier, const char *why) {
    (void)carrier;
    lost++;
    last_loss = why;
    if (bound < options.tunnels) die("a tunnel could not be bound: %s", why);
    if (lost == options.tunnels) loop_stop();
}

static uint64_t due(void) {
    if (now_ns >= end_ns) loop_stop();
    uint64_t next = carriers_flush();
    return next < end_ns ? next : end_ns;
}

void bind_run(void) {
    shape.is_gost = options.is_gost;
    shape.is_web_socket = options.is_web_socket;
    shape.window = options.window;
    shape.server = options.server;
    shape.path = options.path;
    stream_target = options.target;
    started_ns = now_ns;
    end_ns = now_ns + (uint64_t)(options.seconds * 1e9);
    int first = options.at_once < options.tunnels ? options.at_once : options.tunnels;
    for (int index = 0; index < first; index++) dial_next();
    loop_run(due);
    say("{\"event\": \"ended\", \"lost\": %d, \"why\": \"%s\", \"streams\": %llu, \"from_visitors\": %llu, "
        "\"to_visitors\": %llu, \"target_failures\": %llu, \"window_faults\": %llu}",
        lost, last_loss, (unsigned long long)stream_totals.opened,
        (unsigned long long)stream_totals.bytes_from_visitors, (unsigned long long)stream_totals.bytes_to_visitors,
        (unsigned long long)stream_totals.target_failures, (unsigned long long)stream_totals.window_faults);
}
