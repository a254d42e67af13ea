#include "carrier.h"

#include "sha1.h"
#include "streams.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

enum { OPCODE_CONTINUATION, OPCODE_TEXT, OPCODE_BINARY, OPCODE_CLOSE = 8, OPCODE_PING, OPCODE_PONG };
static const uint64_t nop_every_ns = 10000000000u, dead_after_ns = 60000000000u;

struct shape shape;
static struct carrier *first_listed;
/// Live carriers by the instant of their next keep-alive, which is always the same time ahead.
static struct carrier *first_alive, *last_alive;
static uint8_t message[SMUX_HEADER_BYTES + 65535];

static void lose(struct carrier *carrier, const char *why);

// MARK: Writing

static uint32_t mask_key(void) {
    // Keys that nobody can foretell are for clients that are attacked; a load generator is not.
    static uint64_t state = 0x2545F4914F6CDD1Du;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static void copy_masked(uint8_t *to, const uint8_t *from, size_t count, uint32_t key) {
    uint64_t wide = (uint64_t)key << 32 | key, word;
    size_t index = 0;
    for (; index + 8 <= count; index += 8) {
        memcpy(&word, from + index, 8);
        word ^= wide;
        memcpy(to + index, &word, 8);
    }
    for (; index < count; index++) to[index] = from[index] ^ (uint8_t)(key >> (8 * (index % 4)));
}

static void add_socket_frame(struct carrier *carrier, uint8_t first, const uint8_t *bytes, size_t count) {
    uint8_t *room = queue_room(&carrier->out, count + 14), *start = room;
    *room++ = first;
    if (count < 126) {
        *room++ = (uint8_t)(0x80 | count);
    } else if (count < 65536) {
        *room++ = 0x80 | 126;
        *room++ = (uint8_t)(count >> 8);
        *room++ = (uint8_t)count;
    } else {
        *room++ = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8) *room++ = (uint8_t)((uint64_t)count >> shift);
    }
    uint32_t key = mask_key();
    memcpy(room, &key, 4);
    copy_masked(room + 4, bytes, count, key);
    queue_added(&carrier->out, (size_t)(room + 4 - start) + count, shape.is_gost);
}

/// One write of the application: one WebSocket message where there is WebSocket.
static void add_message(struct carrier *carrier, const uint8_t *bytes, size_t count) {
    if (!shape.is_web_socket) {
        memcpy(queue_room(&carrier->out, count), bytes, count);
        queue_added(&carrier->out, count, shape.is_gost);
    } else if (!shape.is_gost) {
        add_socket_frame(carrier, 0x80 | OPCODE_BINARY, bytes, count);
    } else {
        uint8_t opcode = OPCODE_BINARY;
        while (count > FRAGMENT_BYTES) {
            add_socket_frame(carrier, opcode, bytes, FRAGMENT_BYTES);
            opcode = OPCODE_CONTINUATION;
            bytes += FRAGMENT_BYTES;
            count -= FRAGMENT_BYTES;
        }
        add_socket_frame(carrier, 0x80 | opcode, bytes, count);
    }
}

static void list(struct carrier *carrier) {
    if (carrier->is_listed || carrier->phase == LOST) return;
    carrier->is_listed = true;
    carrier->next_listed = first_listed;
    first_listed = carrier;
}

/// GOST writes at once; the other shape when the turn is over.
static void wrote(struct carrier *carrier, bool was_empty) {
    if (shape.is_gost && was_empty && carrier->phase != LOST)
        if (!queue_write(&carrier->out, carrier->watch.descriptor)) return lose(carrier, "writing failed");
    list(carrier);
}

uint8_t *carrier_payload(void) { return message + SMUX_HEADER_BYTES; }

void carrier_frame(struct carrier *carrier, int command, uint32_t stream, size_t count) {
    if (carrier->phase == LOST) return;
    bool was_empty = queue_count(&carrier->out) == 0;
    message[0] = 2;
    message[1] = (uint8_t)command;
    message[2] = (uint8_t)count;
    message[3] = (uint8_t)(count >> 8);
    put_little_32(message + 4, stream);
    add_message(carrier, message, SMUX_HEADER_BYTES + count);
    wrote(carrier, was_empty);
}

bool carrier_is_blocked(const struct carrier *carrier) {
    return queue_count(&carrier->out) > (shape.is_gost ? 0 : GATHERED_BYTES_MAX);
}

static void write_waiting(struct carrier *carrier) {
    if (carrier->phase == LOST) return;
    if (!queue_write(&carrier->out, carrier->watch.descriptor)) return lose(carrier, "writing failed");
    loop_interest(&carrier->watch, EPOLLIN | (queue_count(&carrier->out) > 0 ? EPOLLOUT : 0));
    if (carrier->first_waiting && !carrier_is_blocked(carrier)) streams_resume(carrier);
}

uint64_t carriers_flush(void) {
    while (first_alive && first_alive->next_nop_ns <= now_ns) {
        struct carrier *carrier = first_alive;
        first_alive = carrier->next_alive;
        if (!first_alive) last_alive = NULL;
        carrier->next_alive = NULL;
        if (now_ns - carrier->heard_ns > dead_after_ns) {
            lose(carrier, "the server is silent");
            continue;
        }
        carrier_frame(carrier, SMUX_NOP, 0, 0);
        if (carrier->phase == LOST) continue;
        carrier->next_nop_ns = now_ns + nop_every_ns;
        if (last_alive) last_alive->next_alive = carrier;
        else first_alive = carrier;
        last_alive = carrier;
    }
    while (first_listed) {
        struct carrier *carrier = first_listed;
        first_listed = carrier->next_listed;
        carrier->is_listed = false;
        write_waiting(carrier);
    }
    return first_alive ? first_alive->next_nop_ns : UINT64_MAX;
}

// MARK: Reading

static void read_frames(struct carrier *carrier, const uint8_t *bytes, size_t count) {
    while (count > 0 && carrier->phase == LIVE) {
        if (carrier->payload_left > 0) {
            size_t part = count < carrier->payload_left ? count : carrier->payload_left;
            carrier->payload_left -= (uint32_t)part;
            stream_received(carrier, little_32(carrier->frame + 4), bytes, part);
            bytes += part;
            count -= part;
            continue;
        }
        uint32_t wanted = carrier->frame_count >= 2 && carrier->frame[1] == SMUX_UPD ? 16 : SMUX_HEADER_BYTES;
        carrier->frame[carrier->frame_count++] = *bytes++;
        count--;
        if (carrier->frame_count < wanted) continue;
        carrier->frame_count = 0;
        uint32_t id = little_32(carrier->frame + 4);
        if (carrier->frame[0] != 2) return lose(carrier, "a frame of another smux version");
        switch (carrier->frame[1]) {
        case SMUX_SYN: stream_opened(carrier, id); break;
        case SMUX_FIN: stream_finished(carrier, id); break;
        case SMUX_PSH: carrier->payload_left = carrier->frame[2] | (uint32_t)carrier->frame[3] << 8; break;
        case SMUX_NOP: break;
        case SMUX_UPD:
            stream_window(carrier, id, little_32(carrier->frame + 8), little_32(carrier->frame + 12));
            break;
        default: return lose(carrier, "an unknown smux command");
        }
    }
}

static void send_bind(struct carrier *carrier) {
    // Source 127.0.0.1:1, any host, the tunnel (protocol relay §5).
    uint8_t request[47] = {1, 2, 0, 43, 2, 0, 7, 1, 127, 0, 0, 1, 0, 1, 2, 0, 7, 1, 0, 0, 0, 0, 0, 0, 3, 0, 20};
    memcpy(request + 27, carrier->tunnel, 16);
    carrier->phase = BINDING;
    bool was_empty = queue_count(&carrier->out) == 0;
    add_message(carrier, request, sizeof request);
    wrote(carrier, was_empty);
}

static void read_plain(struct carrier *carrier, const uint8_t *bytes, size_t count) {
    if (carrier->phase == BINDING) {
        queue_add(&carrier->handshake, bytes, count);
        const uint8_t *answer = carrier->handshake.bytes + carrier->handshake.head;
        size_t have = queue_count(&carrier->handshake);
        if (have >= 4 && (answer[0] != 1 || answer[1] != 0)) return lose(carrier, "BIND was refused");
        size_t wanted = have >= 4 ? 4 + ((size_t)answer[2] << 8 | answer[3]) : 4;
        if (have < wanted || have < 4) return;
        struct queue handshake = carrier->handshake;
        carrier->handshake = (struct queue){0};
        carrier->phase = LIVE;
        carrier->next_nop_ns = now_ns + nop_every_ns;
        if (last_alive) last_alive->next_alive = carrier;
        else first_alive = carrier;
        last_alive = carrier;
        carrier_bound(carrier);
        read_frames(carrier, handshake.bytes + handshake.head + wanted, have - wanted);
        queue_free(&handshake);
    } else {
        read_frames(carrier, bytes, count);
    }
}

static void act_on_control(struct carrier *carrier) {
    if (carrier->opcode == OPCODE_CLOSE) return lose(carrier, "the server closed the WebSocket");
    if (carrier->opcode != OPCODE_PING) return;
    bool was_empty = queue_count(&carrier->out) == 0;
    add_socket_frame(carrier, 0x80 | OPCODE_PONG, carrier->control, carrier->control_count);
    wrote(carrier, was_empty);
}

/// Bytes of the head of a WebSocket frame, of which the first `have` are known.
static uint32_t socket_head_bytes(const uint8_t *head, uint32_t have) {
    if (have < 2) return 2;
    return (head[1] & 127) == 126 ? 4 : (head[1] & 127) == 127 ? 10 : 2;
}

static void read_web_socket(struct carrier *carrier, const uint8_t *bytes, size_t count) {
    while (count > 0 && carrier->phase != LOST) {
        if (carrier->socket_left > 0) {
            size_t part = count < carrier->socket_left ? count : (size_t)carrier->socket_left;
            carrier->socket_left -= part;
            if (carrier->opcode < OPCODE_CLOSE) {
                read_plain(carrier, bytes, part);
            } else {
                memcpy(carrier->control + carrier->control_count, bytes, part);
                carrier->control_count += (uint32_t)part;
                if (carrier->socket_left == 0) act_on_control(carrier);
            }
            bytes += part;
            count -= part;
            continue;
        }
        uint8_t *head = carrier->socket_head;
        head[carrier->socket_head_count++] = *bytes++;
        count--;
        uint32_t wanted = socket_head_bytes(head, carrier->socket_head_count);
        if (carrier->socket_head_count < wanted) continue;
        carrier->socket_head_count = 0;
        carrier->opcode = head[0] & 15;
        carrier->control_count = 0;
        carrier->socket_left = head[1] & 127;
        if (wanted > 2) carrier->socket_left = 0;
        for (uint32_t index = 2; index < wanted; index++)
            carrier->socket_left = carrier->socket_left << 8 | head[index];
        if (head[1] & 0x80 || head[0] & 0x70) return lose(carrier, "a masked or extended frame of the server");
        if (carrier->opcode >= OPCODE_CLOSE && carrier->socket_left > 125) return lose(carrier, "a long control frame");
        if (carrier->opcode >= OPCODE_CLOSE && carrier->socket_left == 0) act_on_control(carrier);
    }
}

static void send_upgrade(struct carrier *carrier) {
    uint8_t nonce[16];
    char key[25], proof[61], text[512];
    if (getrandom(nonce, sizeof nonce, 0) != sizeof nonce) die("no randomness");
    base64(nonce, sizeof nonce, key);
    int count = snprintf(proof, sizeof proof, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1_base64(proof, (size_t)count, carrier->accept);
    count = snprintf(
        text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n",
        shape.path, shape.server, key);
    memcpy(queue_room(&carrier->out, (size_t)count), text, (size_t)count);
    queue_added(&carrier->out, (size_t)count, shape.is_gost);
    carrier->phase = UPGRADING;
    write_waiting(carrier);
}

static void read_upgrade(struct carrier *carrier, const uint8_t *bytes, size_t count) {
    queue_add(&carrier->handshake, bytes, count);
    queue_add(&carrier->handshake, "", 1);
    carrier->handshake.tail--;
    char *text = (char *)carrier->handshake.bytes + carrier->handshake.head, *end = strstr(text, "\r\n\r\n");
    if (!end) {
        if (queue_count(&carrier->handshake) > 8192) lose(carrier, "an endless upgrade answer");
        return;
    }
    size_t used = (size_t)(end + 4 - text), rest = queue_count(&carrier->handshake) - used;
    end[2] = 0;
    char *accept = strcasestr(text, "\r\nSec-WebSocket-Accept: ");
    if (strncmp(text, "HTTP/1.1 101 ", 13) || !accept || strncmp(accept + 24, carrier->accept, 28))
        return lose(carrier, "the WebSocket upgrade was refused");
    queue_free(&carrier->handshake);
    // The server has nothing to say before it was asked.
    if (rest > 0) return lose(carrier, "bytes behind the upgrade's answer");
    send_bind(carrier);
}

static void carrier_ready(struct watch *watch, uint32_t events) {
    struct carrier *carrier = (struct carrier *)watch;
    if (carrier->phase == DIALLING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(watch->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) return lose(carrier, strerror(error));
        if (shape.is_web_socket) send_upgrade(carrier);
        else send_bind(carrier);
        return;
    }
    if (events & EPOLLOUT) write_waiting(carrier);
    if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)) || carrier->phase == LOST) return;
    ssize_t count = recv(watch->descriptor, shared_buffer, sizeof shared_buffer, 0);
    if (count == 0) return lose(carrier, "the server closed the connection");
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR) lose(carrier, strerror(errno));
        return;
    }
    carrier->heard_ns = now_ns;
    if (carrier->phase == UPGRADING) read_upgrade(carrier, shared_buffer, (size_t)count);
    else if (shape.is_web_socket) read_web_socket(carrier, shared_buffer, (size_t)count);
    else read_plain(carrier, shared_buffer, (size_t)count);
}

// MARK: Beginning and end

void carrier_dial(const uint8_t tunnel[16]) {
    int descriptor = connect_to(shape.server, 0);
    if (descriptor < 0) die("no connection to %s: %s", shape.server, strerror(errno));
    struct carrier *carrier = allocate(sizeof *carrier);
    loop_watch(&carrier->watch, descriptor, EPOLLIN | EPOLLOUT, carrier_ready);
    carrier->heard_ns = now_ns;
    memcpy(carrier->tunnel, tunnel, 16);
}

static void lose(struct carrier *carrier, const char *why) {
    if (carrier->phase == LOST) return;
    bool was_live = carrier->phase == LIVE;
    carrier->phase = LOST;
    if (was_live) {
        struct carrier *before = NULL, *other = first_alive;
        while (other && other != carrier) {
            before = other;
            other = other->next_alive;
        }
        if (other && before) before->next_alive = carrier->next_alive;
        else if (other) first_alive = carrier->next_alive;
        if (other && last_alive == carrier) last_alive = before;
    }
    if (carrier->is_listed) {
        struct carrier **place = &first_listed;
        while (*place != carrier) place = &(*place)->next_listed;
        *place = carrier->next_listed;
    }
    streams_lost(carrier);
    carrier_lost(carrier, why);
    queue_free(&carrier->out);
    queue_free(&carrier->handshake);
    loop_end(&carrier->watch);
}
