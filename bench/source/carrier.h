// One connection of a tunnel client to the server: dialling, WebSocket, the relay's BIND, smux frames, keep-alive.
#pragma once
#include "loop.h"
#include "queue.h"

enum {
    SMUX_SYN, SMUX_FIN, SMUX_PSH, SMUX_NOP, SMUX_UPD,
    SMUX_HEADER_BYTES = 8,
    /// Longest payload that is sent in a frame; GOST's standard.
    FRAME_BYTES_MAX = 32768,
    /// GOST's WebSocket fragments: the size of its write buffer.
    FRAGMENT_BYTES = 4096,
    /// What a peer may be sent before its first window update (protocol mux §4.2).
    FIRST_WINDOW_BYTES = 262144,
    /// Bytes that may wait for a carrier before its streams are not read further; none in GOST's shape.
    GATHERED_BYTES_MAX = 262144,
};

/// How this client writes: as GOST does, or gathered.
struct shape {
    bool is_gost, is_web_socket;
    uint32_t window;
    const char *server, *path;
    uint8_t tunnel[16];
};
extern struct shape shape;

struct stream;

struct carrier {
    struct watch watch;
    enum { DIALLING, UPGRADING, BINDING, LIVE, LOST } phase;
    uint8_t tunnel[16];
    char accept[29];
    struct queue out, handshake;
    bool is_listed;
    struct carrier *next_listed, *next_alive;
    uint64_t next_nop_ns, heard_ns;
    struct stream *first_waiting;
    // WebSocket reading.
    uint8_t socket_head[14], control[125];
    uint32_t socket_head_count, control_count, opcode;
    uint64_t socket_left;
    // smux reading.
    uint8_t frame[16];
    uint32_t frame_count, payload_left;
};

/// What the role is told; `carrier` is freed after `carrier_lost` returned.
void carrier_bound(struct carrier *carrier);
void carrier_lost(struct carrier *carrier, const char *why);

void carrier_dial(const uint8_t tunnel[16]);
/// Where the payload of the next frame is written, `FRAME_BYTES_MAX` bytes; used up by `carrier_frame`.
uint8_t *carrier_payload(void);
void carrier_frame(struct carrier *carrier, int command, uint32_t stream, size_t count);
bool carrier_is_blocked(const struct carrier *carrier);
/// Writes what the turn gathered, sends the keep-alives that are due, and says when the next one is.
uint64_t carriers_flush(void);

static inline uint32_t little_32(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}
static inline void put_little_32(uint8_t *bytes, uint32_t word) {
    for (int index = 0; index < 4; index++) bytes[index] = (uint8_t)(word >> (8 * index));
}
