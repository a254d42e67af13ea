// The role of a distance: a TCP relay that lets bytes out later than they came, and no faster than a rate. With a rate
// the socket buffers are small and little is read ahead, as a line's own queue would be; so what waits, waits at the
// sender. Without one everything is read at once and the relay holds what a long line holds.
#include "loop.h"
#include "roles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PIECE_BYTES = 65536, RATED_PIECE_BYTES = 8192, RATED_AHEAD_BYTES = 16384, RATED_SOCKET_BYTES = 16384 };

struct piece {
    struct piece *next;
    uint64_t due_ns;
    size_t sent, count;
    uint8_t bytes[];
};

struct way {
    struct piece *first, *last;
    size_t waiting;
    bool has_ended, is_blocked;
};

struct end {
    struct watch watch;
    struct end *other, *next;
    /// What came from here and goes to the other end.
    struct way way;
    bool is_connected, is_gone, is_near;
};

static struct end *first_end;
static uint64_t end_ns, carried;
/// When the line is free again, out and back: all connections share it.
static uint64_t line_free_ns[2];
static size_t held, largest_held;

static void end_both(struct end *end) {
    struct end *both[2] = {end, end->other};
    for (int index = 0; index < 2; index++) {
        struct end *one = both[index];
        if (one->is_gone) continue;
        one->is_gone = true;
        struct end **place = &first_end;
        while (*place != one) place = &(*place)->next;
        *place = one->next;
        while (one->way.first) {
            struct piece *piece = one->way.first;
            one->way.first = piece->next;
            free(piece);
        }
        held -= one->way.waiting;
        loop_end(&one->watch);
    }
}

static void update_interest(struct end *end) {
    if (end->is_gone) return;
    size_t ahead = options.rate_mbit > 0 ? RATED_AHEAD_BYTES : options.limit_bytes;
    bool reads = end->is_connected && !end->way.has_ended && end->way.waiting < ahead;
    bool writes = !end->is_connected || end->other->way.is_blocked;
    loop_interest(&end->watch, (reads ? EPOLLIN : 0) | (writes ? EPOLLOUT : 0));
}

/// Lets out what is due; false when the connection is over.
static bool let_out(struct end *from) {
    struct way *way = &from->way;
    struct end *to = from->other;
    way->is_blocked = false;
    while (way->first && way->first->due_ns <= now_ns && to->is_connected) {
        struct piece *piece = way->first;
        ssize_t sent = send(
            to->watch.descriptor, piece->bytes + piece->sent, piece->count - piece->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            way->is_blocked = true;
            break;
        }
        if (sent < 0) {
            end_both(from);
            return false;
        }
        piece->sent += (size_t)sent;
        way->waiting -= (size_t)sent;
        held -= (size_t)sent;
        carried += (uint64_t)sent;
        if (piece->sent < piece->count) continue;
        way->first = piece->next;
        if (!way->first) way->last = NULL;
        free(piece);
    }
    if (way->has_ended && !way->first) {
        if (to->way.has_ended && !to->way.first) {
            end_both(from);
            return false;
        }
        if (to->is_connected) shutdown(to->watch.descriptor, SHUT_WR);
    }
    update_interest(to);
    update_interest(from);
    return true;
}

static void take_in(struct end *from) {
    size_t room = options.rate_mbit > 0 ? RATED_PIECE_BYTES : PIECE_BYTES;
    ssize_t count = recv(from->watch.descriptor, shared_buffer, room, 0);
    if (count < 0) {
        if (errno != EAGAIN) end_both(from);
        return;
    }
    struct way *way = &from->way;
    if (count == 0) {
        way->has_ended = true;
        let_out(from);
        return;
    }
    struct piece *piece = malloc(sizeof *piece + (size_t)count);
    if (!piece) die("no memory");
    memcpy(piece->bytes, shared_buffer, (size_t)count);
    piece->next = NULL;
    piece->sent = 0;
    piece->count = (size_t)count;
    uint64_t leaves = now_ns;
    if (options.rate_mbit > 0) {
        uint64_t *line = &line_free_ns[from->is_near];
        if (*line > leaves) leaves = *line;
        leaves += (uint64_t)((double)count * 8000 / options.rate_mbit);
        *line = leaves;
    }
    piece->due_ns = leaves + (uint64_t)(options.delay_ms * 1e6);
    if (way->last) way->last->next = piece;
    else way->first = piece;
    way->last = piece;
    way->waiting += (size_t)count;
    held += (size_t)count;
    if (held > largest_held) largest_held = held;
    update_interest(from);
}

static void end_ready(struct watch *watch, uint32_t events) {
    struct end *end = (struct end *)watch;
    if (!end->is_connected) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(watch->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) return end_both(end);
        end->is_connected = true;
        update_interest(end);
    }
    if (events & EPOLLOUT && !let_out(end->other)) return;
    if (events & EPOLLIN) return take_in(end);
    if (events & (EPOLLERR | EPOLLHUP) && !end->way.has_ended) end_both(end);
}

static void accept_ready(struct watch *watch, uint32_t events) {
    (void)events;
    int descriptor;
    while ((descriptor = accept_one(watch->descriptor)) >= 0) {
        struct end *here = allocate(sizeof *here), *there = allocate(sizeof *there);
        int onward = connect_to(options.target, options.rate_mbit > 0 ? RATED_SOCKET_BYTES : 0);
        if (onward < 0) die("no connection to %s", options.target);
        loop_watch(&here->watch, descriptor, EPOLLIN, end_ready);
        loop_watch(&there->watch, onward, EPOLLOUT, end_ready);
        here->is_connected = here->is_near = true;
        here->other = there;
        there->other = here;
        there->next = first_end;
        here->next = there;
        first_end = here;
    }
}

static uint64_t due(void) {
    if (now_ns >= end_ns) loop_stop();
    uint64_t next = end_ns;
    for (struct end *end = first_end; end;) {
        struct end *following = end->next;
        struct piece *piece = end->way.first;
        if (piece && piece->due_ns <= now_ns && !end->way.is_blocked) {
            // It may end both, and the following one with it.
            if (!let_out(end)) {
                end = first_end;
                continue;
            }
            piece = end->way.first;
        }
        if (piece && !end->way.is_blocked && piece->due_ns < next) next = piece->due_ns;
        end = following;
    }
    return next;
}

void delay_run(void) {
    struct watch *listener = allocate(sizeof *listener);
    end_ns = now_ns + (uint64_t)(options.seconds * 1e9);
    int small = options.rate_mbit > 0 ? RATED_SOCKET_BYTES : 0;
    loop_watch(listener, listen_at(options.listen, small), EPOLLIN, accept_ready);
    say("{\"event\": \"listening\", \"port\": %d}", options.listen);
    loop_run(due);
    say("{\"event\": \"ended\", \"bytes\": %llu, \"largest_held\": %zu}", (unsigned long long)carried, largest_held);
}
