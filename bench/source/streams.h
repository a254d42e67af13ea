// The streams that visitors open on a carrier, and what each is joined to: a connection to the target, or an origin.
#pragma once
#include "carrier.h"

struct stream_totals {
    uint64_t opened, ended, bytes_from_visitors, bytes_to_visitors, target_failures, window_faults;
};
extern struct stream_totals stream_totals;
/// ADDRESS:PORT of the service, or NULL: every stream has an origin of its own.
extern const char *stream_target;

void stream_opened(struct carrier *carrier, uint32_t id);
void stream_received(struct carrier *carrier, uint32_t id, const uint8_t *bytes, size_t count);
void stream_finished(struct carrier *carrier, uint32_t id);
void stream_window(struct carrier *carrier, uint32_t id, uint32_t consumed, uint32_t window);
/// The carrier takes bytes again.
void streams_resume(struct carrier *carrier);
void streams_lost(struct carrier *carrier);
