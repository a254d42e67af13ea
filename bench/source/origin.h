// A tiny HTTP origin as a machine: request bytes in, answer bytes out. GET /bytes/N answers N bytes of the pattern,
// GET of anything else 1,024; a POST's body is compared with the pattern and answered "right" or, with 422, "wrong".
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORIGIN_HEAD_BYTES_MAX = 8192 };

struct origin {
    enum { ORIGIN_HEAD, ORIGIN_BODY, ORIGIN_ANSWER, ORIGIN_BROKEN } phase;
    bool closes, is_wrong;
    uint32_t head_count, answer_count, answer_sent;
    uint64_t body_left, body_offset, payload_left, payload_offset;
    char answer[192];
    /// The request's head, and what came behind the request.
    char *head;
};

void origin_feed(struct origin *origin, const uint8_t *bytes, size_t count);
/// Copies what is ready to be sent, at most `capacity` bytes.
size_t origin_pull(struct origin *origin, uint8_t *room, size_t capacity);
/// True when everything was pulled and the connection is to be closed.
bool origin_is_over(const struct origin *origin);
/// The role: listens on `port` until the program is told to end.
void origin_serve(int port);
