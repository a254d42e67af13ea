// A level-triggered epoll loop, sockets, and the clock: what every role of the load generator stands on.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

enum { SHARED_BUFFER_BYTES = 1 << 18 };

/// Somebody to be told when a descriptor is ready. The first member of whatever owns the descriptor.
struct watch {
    int descriptor;
    uint32_t interest;
    bool is_ended;
    struct watch *next_ended;
    void (*ready)(struct watch *watch, uint32_t events);
};

/// Room into which any role may read while it handles one event.
extern uint8_t shared_buffer[SHARED_BUFFER_BYTES];

/// Nanoseconds of the monotonic clock, read once per turn.
extern uint64_t now_ns;

void loop_open(void);
void loop_watch(struct watch *watch, int descriptor, uint32_t interest, void (*ready)(struct watch *, uint32_t));
void loop_interest(struct watch *watch, uint32_t interest);
/// Closes the descriptor, if there is one (not −1); the memory is freed at the end of the turn.
void loop_end(struct watch *watch);
/// Runs until `loop_stop` or a signal. `due` is asked before every wait and gives the instant of the next deadline
/// (UINT64_MAX: none); it is called at least that often.
void loop_run(uint64_t (*due)(void));
void loop_stop(void);
/// True when a signal, and not `loop_stop`, ended the loop.
bool loop_was_interrupted(void);
uint64_t clock_ns(void);

/// Listens on 127.0.0.1; the program ends when it cannot.
int listen_at(int port, int receive_buffer_bytes);
/// Starts to connect; the descriptor is non-blocking and without Nagle's delay. -1 when there is none left.
int connect_to(const char *address, int receive_buffer_bytes);
int accept_one(int listener);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// One line of JSON on stdout.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *allocate(size_t bytes);
