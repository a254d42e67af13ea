#include "streams.h"

#include "origin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BUCKETS = 1 << 16 };

struct stream {
    /// Of the connection to the target; descriptor −1 where there is none.
    struct watch watch;
    struct carrier *carrier;
    struct stream *next_in_bucket, *next_waiting;
    uint32_t id;
    /// The relay header that a stream begins with.
    uint8_t head[4];
    uint32_t head_count, head_left;
    // What the visitor sent: consumed in all, and since the last window update.
    uint32_t consumed, since_update;
    // What went to the visitor, and how much more may.
    uint32_t written, peer_consumed, peer_window;
    struct queue to_target;
    bool is_connected, peer_finished, is_waiting, lacks_window, is_over;
    struct origin origin;
};

struct stream_totals stream_totals;
const char *stream_target;
static struct stream *buckets[BUCKETS];

static struct stream **place_of(struct carrier *carrier, uint32_t id) {
    uint64_t key = (uint64_t)(uintptr_t)carrier / 64 * 0x9E3779B97F4A7C15u ^ (uint64_t)id * 0xD6E8FEB86659FD93u;
    struct stream **place = &buckets[key >> 48];
    while (*place && ((*place)->carrier != carrier || (*place)->id != id)) place = &(*place)->next_in_bucket;
    return place;
}

static void forget(struct stream *stream) {
    *place_of(stream->carrier, stream->id) = stream->next_in_bucket;
    stream->is_over = true;
    if (stream->is_waiting) {
        struct stream **place = &stream->carrier->first_waiting;
        while (*place != stream) place = &(*place)->next_waiting;
        *place = stream->next_waiting;
    }
    stream_totals.ended++;
    queue_free(&stream->to_target);
    free(stream->origin.head);
    loop_end(&stream->watch);
}

static void finish(struct stream *stream) {
    struct carrier *carrier = stream->carrier;
    uint32_t id = stream->id;
    forget(stream);
    carrier_frame(carrier, SMUX_FIN, id, 0);
}

void stream_opened(struct carrier *carrier, uint32_t id) {
    struct stream **place = place_of(carrier, id);
    if (*place) return;
    struct stream *stream = allocate(sizeof *stream);
    stream->watch.descriptor = -1;
    stream->carrier = carrier;
    stream->id = id;
    stream->peer_window = FIRST_WINDOW_BYTES;
    *place = stream;
    stream_totals.opened++;
}

/// Bytes left the stream for their reader: GOST announces after the first delivery and after half a window.
static void consume(struct stream *stream, uint32_t count) {
    bool is_first = stream->consumed == 0;
    stream->consumed += count;
    stream->since_update += count;
    if (!is_first && stream->since_update < shape.window / 2) return;
    stream->since_update = 0;
    put_little_32(carrier_payload(), stream->consumed);
    put_little_32(carrier_payload() + 4, shape.window);
    carrier_frame(stream->carrier, SMUX_UPD, stream->id, 8);
}

static uint32_t allowed(const struct stream *stream) {
    uint32_t unread = stream->written - stream->peer_consumed;
    return unread < stream->peer_window ? stream->peer_window - unread : 0;
}

static void update_interest(struct stream *stream) {
    if (stream->watch.descriptor < 0 || stream->is_over) return;
    bool reads = stream->is_connected && !stream->is_waiting && !stream->lacks_window;
    bool writes = !stream->is_connected || queue_count(&stream->to_target) > 0;
    loop_interest(&stream->watch, (reads ? EPOLLIN : 0) | (writes ? EPOLLOUT : 0));
}

static void send_frame(struct stream *stream, size_t count) {
    stream->written += (uint32_t)count;
    stream_totals.bytes_to_visitors += count;
    carrier_frame(stream->carrier, SMUX_PSH, stream->id, count);
}

/// How many bytes may be put into a frame now; 0 notes what the stream waits for.
static size_t frame_room(struct stream *stream) {
    stream->lacks_window = allowed(stream) == 0;
    if (!stream->lacks_window && carrier_is_blocked(stream->carrier)) {
        if (!stream->is_waiting) {
            stream->is_waiting = true;
            stream->next_waiting = stream->carrier->first_waiting;
            stream->carrier->first_waiting = stream;
        }
        return 0;
    }
    return allowed(stream) < FRAME_BYTES_MAX ? allowed(stream) : FRAME_BYTES_MAX;
}

static void pump_origin(struct stream *stream) {
    size_t room;
    while ((room = frame_room(stream)) > 0) {
        size_t count = origin_pull(&stream->origin, carrier_payload(), room);
        if (count > 0) send_frame(stream, count);
        if (stream->carrier->phase == LOST) return;
        if (origin_is_over(&stream->origin)) return finish(stream);
        if (count == 0) return;
    }
}

static void pump_target(struct stream *stream) {
    size_t room = frame_room(stream);
    if (room > 0) {
        ssize_t count = recv(stream->watch.descriptor, carrier_payload(), room, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return finish(stream);
        if (count > 0) send_frame(stream, (size_t)count);
        if (stream->carrier->phase == LOST) return;
    }
    update_interest(stream);
}

/// Writes what waits for the target; false when the stream ended over it.
static bool write_target(struct stream *stream) {
    size_t before = queue_count(&stream->to_target);
    bool is_well = queue_write(&stream->to_target, stream->watch.descriptor);
    uint32_t written = (uint32_t)(before - queue_count(&stream->to_target));
    if (!is_well || (stream->peer_finished && queue_count(&stream->to_target) == 0)) {
        finish(stream);
        return false;
    }
    if (written > 0) consume(stream, written);
    return stream->carrier->phase != LOST;
}

static void target_ready(struct watch *watch, uint32_t events) {
    struct stream *stream = (struct stream *)watch;
    if (!stream->is_connected) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(watch->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            stream_totals.target_failures++;
            return finish(stream);
        }
        stream->is_connected = true;
    }
    if (queue_count(&stream->to_target) > 0 && !write_target(stream)) return;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) pump_target(stream);
    else update_interest(stream);
}

static void deliver(struct stream *stream, const uint8_t *bytes, size_t count) {
    stream_totals.bytes_from_visitors += count;
    if (!stream_target) {
        origin_feed(&stream->origin, bytes, count);
        consume(stream, (uint32_t)count);
        if (stream->carrier->phase != LOST && !stream->is_waiting && !stream->lacks_window) pump_origin(stream);
        return;
    }
    queue_add(&stream->to_target, bytes, count);
    if (queue_count(&stream->to_target) > (size_t)shape.window + FIRST_WINDOW_BYTES) {
        stream_totals.window_faults++;
        return finish(stream);
    }
    if (stream->is_connected && write_target(stream)) update_interest(stream);
}

static void head_read(struct stream *stream) {
    // GOST reads these four bytes first, so that its first update says 4.
    consume(stream, 4);
    if (!stream_target || stream->carrier->phase == LOST) return;
    int descriptor = connect_to(stream_target, 0);
    if (descriptor < 0) {
        stream_totals.target_failures++;
        return finish(stream);
    }
    loop_watch(&stream->watch, descriptor, EPOLLOUT, target_ready);
}

void stream_received(struct carrier *carrier, uint32_t id, const uint8_t *bytes, size_t count) {
    struct stream *stream = *place_of(carrier, id);
    if (!stream || stream->peer_finished) return;
    while (stream->head_count < 4 && count > 0) {
        stream->head[stream->head_count++] = *bytes++;
        count--;
        if (stream->head_count < 4) continue;
        stream->head_left = (uint32_t)stream->head[2] << 8 | stream->head[3];
        if (stream->head[0] != 1 || stream->head[1] != 0) die("a stream begins with another header than the relay's");
        head_read(stream);
        if (carrier->phase == LOST || !(stream = *place_of(carrier, id))) return;
    }
    if (stream->head_left > 0 && count > 0) {
        size_t part = count < stream->head_left ? count : stream->head_left;
        stream->head_left -= (uint32_t)part;
        bytes += part;
        count -= part;
        consume(stream, (uint32_t)part);
    }
    if (count > 0 && carrier->phase != LOST) deliver(stream, bytes, count);
}

void stream_finished(struct carrier *carrier, uint32_t id) {
    struct stream *stream = *place_of(carrier, id);
    if (!stream) return;
    stream->peer_finished = true;
    if (!stream_target || queue_count(&stream->to_target) == 0) finish(stream);
}

void stream_window(struct carrier *carrier, uint32_t id, uint32_t consumed, uint32_t window) {
    struct stream *stream = *place_of(carrier, id);
    if (!stream) return;
    if ((int32_t)(stream->written - consumed) < 0) {
        stream_totals.window_faults++;
        return finish(stream);
    }
    stream->peer_consumed = consumed;
    stream->peer_window = window;
    if (!stream->lacks_window || allowed(stream) == 0) return;
    stream->lacks_window = false;
    if (stream_target) update_interest(stream);
    else pump_origin(stream);
}

void streams_resume(struct carrier *carrier) {
    struct stream *waiting = carrier->first_waiting;
    carrier->first_waiting = NULL;
    // Those that are not reached before the carrier blocks again go on waiting, behind one another as before.
    struct stream *rest = NULL, **last = &rest;
    while (waiting) {
        struct stream *stream = waiting;
        waiting = stream->next_waiting;
        stream->next_waiting = NULL;
        if (carrier_is_blocked(carrier)) {
            *last = stream;
            last = &stream->next_waiting;
            continue;
        }
        stream->is_waiting = false;
        if (stream_target) update_interest(stream);
        else pump_origin(stream);
        if (carrier->phase == LOST) break;
    }
    struct stream **end = &carrier->first_waiting;
    while (*end) end = &(*end)->next_waiting;
    *end = rest;
}

void streams_lost(struct carrier *carrier) {
    for (size_t index = 0; index < BUCKETS; index++) {
        struct stream *stream = buckets[index];
        while (stream) {
            struct stream *next = stream->next_in_bucket;
            if (stream->carrier == carrier) {
                stream->is_waiting = false;
                forget(stream);
            }
            stream = next;
        }
    }
}
