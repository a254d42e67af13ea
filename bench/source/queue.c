#include "queue.h"

#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

uint8_t *queue_room(struct queue *queue, size_t count) {
    if (queue->head == queue->tail) queue->head = queue->tail = 0;
    if (queue->tail + count > queue->capacity && queue->head > 0) {
        memmove(queue->bytes, queue->bytes + queue->head, queue_count(queue));
        queue->tail -= queue->head;
        queue->head = 0;
    }
    if (queue->tail + count > queue->capacity) {
        size_t capacity = queue->capacity ? queue->capacity : 1024;
        while (capacity < queue->tail + count) capacity *= 2;
        queue->bytes = realloc(queue->bytes, capacity);
        if (!queue->bytes) die("no memory");
        queue->capacity = capacity;
    }
    return queue->bytes + queue->tail;
}

void queue_added(struct queue *queue, size_t count, bool as_piece) {
    queue->tail += count;
    if (!as_piece) return;
    if (queue->piece_count == 0) queue->first_piece = 0;
    size_t end = queue->first_piece + queue->piece_count;
    if (end == queue->piece_capacity && queue->first_piece > queue->piece_count) {
        memcpy(queue->pieces, queue->pieces + queue->first_piece, queue->piece_count * sizeof *queue->pieces);
        queue->first_piece = 0;
        end = queue->piece_count;
    } else if (end == queue->piece_capacity) {
        queue->piece_capacity = queue->piece_capacity ? queue->piece_capacity * 2 : 64;
        queue->pieces = realloc(queue->pieces, queue->piece_capacity * sizeof *queue->pieces);
        if (!queue->pieces) die("no memory");
    }
    queue->pieces[end] = (uint32_t)count;
    queue->piece_count++;
}

void queue_add(struct queue *queue, const void *bytes, size_t count) {
    memcpy(queue_room(queue, count), bytes, count);
    queue_added(queue, count, false);
}

void queue_drop(struct queue *queue, size_t count) { queue->head += count; }

bool queue_write(struct queue *queue, int descriptor) {
    while (queue_count(queue) > 0) {
        size_t count = queue->piece_count ? queue->pieces[queue->first_piece] : queue_count(queue);
        ssize_t sent = send(descriptor, queue->bytes + queue->head, count, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        queue->head += (size_t)sent;
        if (queue->piece_count) {
            queue->pieces[queue->first_piece] -= (uint32_t)sent;
            if (queue->pieces[queue->first_piece] == 0) {
                queue->first_piece++;
                queue->piece_count--;
            }
        }
        if ((size_t)sent < count) return true;
    }
    return true;
}

void queue_free(struct queue *queue) {
    free(queue->bytes);
    free(queue->pieces);
    *queue = (struct queue){0};
}
