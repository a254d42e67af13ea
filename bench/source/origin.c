#include "origin.h"

#include "loop.h"
#include "pattern.h"
#include "queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void answer(struct origin *origin, const char *status, uint64_t length) {
    origin->phase = ORIGIN_ANSWER;
    origin->answer_sent = 0;
    origin->answer_count = (uint32_t)snprintf(
        origin->answer, sizeof origin->answer, "HTTP/1.1 %s\r\nServer: load\r\nContent-Length: %llu\r\n%s\r\n", status,
        (unsigned long long)length, origin->closes ? "Connection: close\r\n" : "");
    origin->payload_offset = 0;
    origin->payload_left = length;
}

static void answer_verdict(struct origin *origin) {
    answer(origin, origin->is_wrong ? "422 Unprocessable Content" : "200 OK", 0);
}

static void act_on_head(struct origin *origin) {
    const char *length = strcasestr(origin->head, "\r\nContent-Length:");
    origin->closes = strcasestr(origin->head, "\r\nConnection: close") != NULL;
    if (strcasestr(origin->head, "\r\nTransfer-Encoding:")) {
        origin->closes = true;
        return answer(origin, "501 Not Implemented", 0);
    }
    origin->body_left = length ? strtoull(length + 17, NULL, 10) : 0;
    origin->body_offset = 0;
    origin->is_wrong = false;
    if (!strncmp(origin->head, "POST ", 5) || !strncmp(origin->head, "PUT ", 4)) {
        origin->phase = ORIGIN_BODY;
        if (origin->body_left == 0) answer_verdict(origin);
    } else if (!strncmp(origin->head, "GET /bytes/", 11)) {
        answer(origin, "200 OK", strtoull(origin->head + 11, NULL, 10));
    } else {
        answer(origin, "200 OK", 1024);
    }
}

static void take_head(struct origin *origin) {
    origin->head[origin->head_count] = 0;
    char *end = memmem(origin->head, origin->head_count, "\r\n\r\n", 4);
    if (!end) {
        if (origin->head_count == ORIGIN_HEAD_BYTES_MAX) origin->phase = ORIGIN_BROKEN;
        return;
    }
    end[2] = 0;
    act_on_head(origin);
    // What came behind the head: a body's first bytes, or the next request.
    size_t used = (size_t)(end + 4 - origin->head);
    size_t rest = origin->head_count - used;
    char *behind = end + 4;
    if (origin->phase == ORIGIN_BODY) {
        size_t part = rest < origin->body_left ? rest : (size_t)origin->body_left;
        if (!pattern_matches(0, (uint8_t *)behind, part)) origin->is_wrong = true;
        origin->body_offset = part;
        origin->body_left -= part;
        behind += part;
        rest -= part;
        if (origin->body_left == 0) answer_verdict(origin);
    }
    memmove(origin->head, behind, rest);
    origin->head_count = (uint32_t)rest;
}

void origin_feed(struct origin *origin, const uint8_t *bytes, size_t count) {
    if (!origin->head) origin->head = allocate(ORIGIN_HEAD_BYTES_MAX + 1);
    while (count > 0 && origin->phase != ORIGIN_BROKEN) {
        if (origin->phase == ORIGIN_BODY) {
            size_t part = count < origin->body_left ? count : (size_t)origin->body_left;
            if (!pattern_matches(origin->body_offset, bytes, part)) origin->is_wrong = true;
            origin->body_offset += part;
            origin->body_left -= part;
            bytes += part;
            count -= part;
            if (origin->body_left == 0) answer_verdict(origin);
            continue;
        }
        size_t room = ORIGIN_HEAD_BYTES_MAX - origin->head_count;
        if (room == 0) {
            origin->phase = ORIGIN_BROKEN;
            return;
        }
        size_t part = count < room ? count : room;
        memcpy(origin->head + origin->head_count, bytes, part);
        origin->head_count += (uint32_t)part;
        bytes += part;
        count -= part;
        if (origin->phase == ORIGIN_HEAD) take_head(origin);
    }
}

size_t origin_pull(struct origin *origin, uint8_t *room, size_t capacity) {
    size_t total = 0;
    while (origin->phase == ORIGIN_ANSWER && total < capacity) {
        size_t left = origin->answer_count - origin->answer_sent;
        if (left > 0) {
            size_t part = left < capacity - total ? left : capacity - total;
            memcpy(room + total, origin->answer + origin->answer_sent, part);
            origin->answer_sent += (uint32_t)part;
            total += part;
        } else if (origin->payload_left > 0) {
            size_t part = capacity - total;
            if (part > origin->payload_left) part = (size_t)origin->payload_left;
            if (part > PATTERN_RUN_BYTES) part = PATTERN_RUN_BYTES;
            memcpy(room + total, pattern_at(origin->payload_offset), part);
            origin->payload_offset += part;
            origin->payload_left -= part;
            total += part;
        } else {
            origin->phase = origin->closes ? ORIGIN_BROKEN : ORIGIN_HEAD;
            if (origin->phase == ORIGIN_HEAD && origin->head_count > 0) take_head(origin);
        }
    }
    return total;
}

bool origin_is_over(const struct origin *origin) {
    return origin->phase == ORIGIN_BROKEN && origin->answer_sent == origin->answer_count && origin->payload_left == 0;
}

// MARK: The role

struct served {
    struct watch watch;
    struct origin origin;
    struct queue out;
};

static void end(struct served *served) {
    free(served->origin.head);
    queue_free(&served->out);
    loop_end(&served->watch);
}

static void served_ready(struct watch *watch, uint32_t events) {
    struct served *served = (struct served *)watch;
    if (events & EPOLLIN) {
        ssize_t count = recv(watch->descriptor, shared_buffer, sizeof shared_buffer, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN)) return end(served);
        if (count > 0) origin_feed(&served->origin, shared_buffer, (size_t)count);
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        return end(served);
    }
    while (true) {
        if (queue_count(&served->out) == 0) {
            size_t count = origin_pull(&served->origin, queue_room(&served->out, 131072), 131072);
            queue_added(&served->out, count, false);
            if (count == 0) break;
        }
        if (!queue_write(&served->out, watch->descriptor)) return end(served);
        if (queue_count(&served->out) > 0) break;
    }
    if (queue_count(&served->out) == 0 && origin_is_over(&served->origin)) return end(served);
    loop_interest(watch, queue_count(&served->out) > 0 ? EPOLLOUT : EPOLLIN);
}

static void accept_ready(struct watch *watch, uint32_t events) {
    (void)events;
    int descriptor;
    while ((descriptor = accept_one(watch->descriptor)) >= 0) {
        struct served *served = allocate(sizeof *served);
        loop_watch(&served->watch, descriptor, EPOLLIN, served_ready);
    }
}

static uint64_t never(void) { return UINT64_MAX; }

void origin_serve(int port) {
    struct watch *listener = allocate(sizeof *listener);
    loop_watch(listener, listen_at(port, 0), EPOLLIN, accept_ready);
    say("{\"event\": \"listening\", \"port\": %d}", port);
    loop_run(never);
}
