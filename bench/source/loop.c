#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint8_t shared_buffer[SHARED_BUFFER_BYTES];
uint64_t now_ns;

static int poll_descriptor;
static volatile sig_atomic_t interrupted;
static bool stopped;
static struct watch *first_ended;

uint64_t clock_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void interrupt(int number) {
    (void)number;
    interrupted = 1;
}

void loop_open(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    poll_descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (poll_descriptor < 0) die("no epoll: %s", strerror(errno));
    now_ns = clock_ns();
}

void loop_watch(struct watch *watch, int descriptor, uint32_t interest, void (*ready)(struct watch *, uint32_t)) {
    *watch = (struct watch){.descriptor = descriptor, .interest = interest, .ready = ready};
    struct epoll_event event = {.events = interest, .data.ptr = watch};
    if (epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, descriptor, &event)) die("epoll: %s", strerror(errno));
}

void loop_interest(struct watch *watch, uint32_t interest) {
    if (watch->is_ended || watch->interest == interest) return;
    watch->interest = interest;
    struct epoll_event event = {.events = interest, .data.ptr = watch};
    if (epoll_ctl(poll_descriptor, EPOLL_CTL_MOD, watch->descriptor, &event)) die("epoll: %s", strerror(errno));
}

void loop_end(struct watch *watch) {
    if (watch->is_ended) return;
    if (watch->descriptor >= 0) close(watch->descriptor);
    watch->is_ended = true;
    watch->next_ended = first_ended;
    first_ended = watch;
}

void loop_stop(void) { stopped = true; }

bool loop_was_interrupted(void) { return interrupted; }

void loop_run(uint64_t (*due)(void)) {
    enum { EVENTS = 512 };
    static struct epoll_event events[EVENTS];
    while (!stopped && !interrupted) {
        uint64_t next = due();
        struct timespec wait = {0}, *bound = &wait;
        if (next == UINT64_MAX) {
            bound = NULL;
        } else if (next > now_ns) {
            wait.tv_sec = (time_t)((next - now_ns) / 1000000000u);
            wait.tv_nsec = (long)((next - now_ns) % 1000000000u);
        }
        if (stopped) break;
        int count = epoll_pwait2(poll_descriptor, events, EVENTS, bound, NULL);
        now_ns = clock_ns();
        if (count < 0 && errno != EINTR) die("epoll: %s", strerror(errno));
        for (int index = 0; index < count; index++) {
            struct watch *watch = events[index].data.ptr;
            if (!watch->is_ended) watch->ready(watch, events[index].events);
        }
        while (first_ended) {
            struct watch *ended = first_ended;
            first_ended = ended->next_ended;
            free(ended);
        }
    }
}

static void prepare(int descriptor, int receive_buffer_bytes) {
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (receive_buffer_bytes)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
}

int listen_at(int port, int receive_buffer_bytes) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    prepare(descriptor, receive_buffer_bytes);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) || listen(descriptor, 4096))
        die("port %d: %s", port, strerror(errno));
    return descriptor;
}

int connect_to(const char *text, int receive_buffer_bytes) {
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host) die("\"%s\" is not ADDRESS:PORT", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("\"%s\" is not an IPv4 address", host);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    prepare(descriptor, receive_buffer_bytes);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

int accept_one(int listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) prepare(descriptor, 0);
    return descriptor;
}

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    va_end(arguments);
}

void *allocate(size_t bytes) {
    void *memory = calloc(1, bytes);
    if (!memory) die("no memory");
    return memory;
}
