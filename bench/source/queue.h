// Bytes that wait for a socket, in the pieces in which they have to be written.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// `piece_count` is 0 when the bytes may be written in any pieces.
struct queue {
    uint8_t *bytes;
    size_t head, tail, capacity;
    uint32_t *pieces;
    size_t first_piece, piece_count, piece_capacity;
};

static inline size_t queue_count(const struct queue *queue) { return queue->tail - queue->head; }
/// Room for `count` bytes behind the last one; `queue_added` says how many were used.
uint8_t *queue_room(struct queue *queue, size_t count);
void queue_added(struct queue *queue, size_t count, bool as_piece);
void queue_add(struct queue *queue, const void *bytes, size_t count);
void queue_drop(struct queue *queue, size_t count);
/// Writes what the socket takes, a piece per call. False when the connection is lost.
bool queue_write(struct queue *queue, int descriptor);
void queue_free(struct queue *queue);
