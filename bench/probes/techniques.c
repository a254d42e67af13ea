/* What single techniques of io_uring cost on this machine, without anything around them: CPU time of the thread that uses
 * them, by the scheduler's clock, best of several rounds. `bench/probe` builds and runs it. */
#define _GNU_SOURCE
#include <sys/select.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 32, SMALL = 1024, ROUNDS = 7, TURNS = 2000, BULK = 65536, RELAYED = 16384 };
static const uint64_t BULK_BYTES = 1ull << 29;

static void fail(const char *what) {
    fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t spent(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Two ends of a TCP connection over loopback. */
static void connection(int pair[2]) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (bind(listener, (void *)&at, size) || listen(listener, 1) || getsockname(listener, (void *)&at, &size))
        fail("listen");
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(pair[0], (void *)&at, size)) fail("connect");
    if ((pair[1] = accept(listener, NULL, NULL)) < 0) fail("accept");
    close(listener);
    for (int end = 0; end < 2; end++) setsockopt(pair[end], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void open_ring(struct io_uring *ring) {
    struct io_uring_params parameters = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    if (io_uring_queue_init_params(256, ring, &parameters)) fail("io_uring_queue_init");
}

static void reap(struct io_uring *ring, int count, int least) {
    struct io_uring_cqe *completion;
    if (io_uring_submit_and_wait(ring, (unsigned)count) < 0) fail("submit");
    for (int index = 0; index < count; index++) {
        if (io_uring_wait_cqe(ring, &completion)) fail("wait");
        if (completion->res < least) {
            errno = -completion->res;
            fail("an operation");
        }
        io_uring_cqe_seen(ring, completion);
    }
}

/* Receives and sends 1 KB on 32 connections per turn; ns per receive and send. */
static double small(int registers) {
    struct io_uring ring;
    int ours[PAIRS], theirs[PAIRS];
    char in[SMALL], out[SMALL];
    memset(out, 7, sizeof out);
    open_ring(&ring);
    for (int index = 0; index < PAIRS; index++) {
        int pair[2];
        connection(pair);
        ours[index] = pair[0];
        theirs[index] = pair[1];
    }
    if (registers && io_uring_register_files(&ring, ours, PAIRS)) fail("register_files");
    uint64_t total = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        for (int index = 0; index < PAIRS; index++)
            if (write(theirs[index], out, SMALL) != SMALL) fail("write");
        uint64_t begun = spent();
        for (int kind = 0; kind < 2; kind++) {
            for (int index = 0; index < PAIRS; index++) {
                struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
                int descriptor = registers ? index : ours[index];
                if (kind == 0) io_uring_prep_recv(entry, descriptor, in, SMALL, 0);
                else io_uring_prep_send(entry, descriptor, out, SMALL, 0);
                if (registers) entry->flags |= IOSQE_FIXED_FILE;
            }
            reap(&ring, PAIRS, SMALL);
        }
        total += spent() - begun;
        for (int index = 0; index < PAIRS; index++)
            if (read(theirs[index], in, SMALL) != SMALL) fail("read");
    }
    io_uring_queue_exit(&ring);
    for (int index = 0; index < PAIRS; index++) {
        close(ours[index]);
        close(theirs[index]);
    }
    return (double)total / TURNS / PAIRS;
}

static void *drain(void *descriptor) {
    static __thread char room[1 << 18];
    while (read(*(int *)descriptor, room, sizeof room) > 0) {}
    return NULL;
}

static void *fill(void *descriptor) {
    static __thread char room[1 << 16];
    uint64_t left = BULK_BYTES;
    while (left > 0) {
        ssize_t count = write(*(int *)descriptor, room, sizeof room);
        if (count <= 0) break;
        left -= (uint64_t)count < left ? (uint64_t)count : left;
    }
    shutdown(*(int *)descriptor, SHUT_WR);
    return NULL;
}

/* Sends pieces of 64 KiB; seconds of CPU per GB. */
static double bulk(int zero_copy) {
    struct io_uring ring;
    int pair[2];
    pthread_t reader;
    char *bytes = aligned_alloc(4096, BULK);
    memset(bytes, 7, BULK);
    open_ring(&ring);
    connection(pair);
    pthread_create(&reader, NULL, drain, &pair[1]);
    uint64_t begun = spent(), sent = 0;
    while (sent < BULK_BYTES) {
        struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
        struct io_uring_cqe *completion;
        if (zero_copy) io_uring_prep_send_zc(entry, pair[0], bytes, BULK, MSG_WAITALL, 0);
        else io_uring_prep_send(entry, pair[0], bytes, BULK, MSG_WAITALL);
        io_uring_submit_and_wait(&ring, 1);
        int more = 1;
        while (more) {
            if (io_uring_wait_cqe(&ring, &completion)) fail("wait");
            if (completion->res < 0) {
                errno = -completion->res;
                fail("a send");
            }
            if (!(completion->flags & IORING_CQE_F_NOTIF)) sent += (uint64_t)completion->res;
            more = completion->flags & IORING_CQE_F_MORE;
            io_uring_cqe_seen(&ring, completion);
        }
    }
    uint64_t total = spent() - begun;
    shutdown(pair[0], SHUT_WR);
    pthread_join(reader, NULL);
    io_uring_queue_exit(&ring);
    close(pair[0]);
    close(pair[1]);
    free(bytes);
    return (double)total / (double)BULK_BYTES;
}

/* Passes a flow on as it is: by pipes, or through a buffer; seconds of CPU per GB. */
static double relay(int splices) {
    struct io_uring ring;
    int from[2], to[2], hose[2];
    pthread_t writer, reader;
    char *bytes = malloc(RELAYED);
    open_ring(&ring);
    connection(from);
    connection(to);
    if (pipe(hose)) fail("pipe");
    fcntl(hose[0], F_SETPIPE_SZ, 1 << 20);
    pthread_create(&writer, NULL, fill, &from[0]);
    pthread_create(&reader, NULL, drain, &to[1]);
    uint64_t begun = spent();
    for (;;) {
        ssize_t count;
        if (splices) {
            count = splice(from[1], NULL, hose[1], NULL, 1 << 20, SPLICE_F_MOVE);
            for (ssize_t left = count; left > 0;) {
                ssize_t went = splice(hose[0], NULL, to[0], NULL, (size_t)left, SPLICE_F_MOVE);
                if (went <= 0) fail("splice");
                left -= went;
            }
        } else {
            struct io_uring_cqe *completion;
            struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
            io_uring_prep_recv(entry, from[1], bytes, RELAYED, 0);
            io_uring_submit_and_wait(&ring, 1);
            if (io_uring_wait_cqe(&ring, &completion)) fail("wait");
            count = completion->res;
            io_uring_cqe_seen(&ring, completion);
            if (count > 0) {
                entry = io_uring_get_sqe(&ring);
                io_uring_prep_send(entry, to[0], bytes, (size_t)count, MSG_WAITALL);
                reap(&ring, 1, (int)count);
            }
        }
        if (count <= 0) break;
    }
    uint64_t total = spent() - begun;
    shutdown(to[0], SHUT_WR);
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
    io_uring_queue_exit(&ring);
    int all[] = {from[0], from[1], to[0], to[1], hose[0], hose[1]};
    for (int index = 0; index < 6; index++) close(all[index]);
    free(bytes);
    return (double)total / (double)BULK_BYTES;
}

static int ascending(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

/* Both ways in turn, so that what else the machine does falls on both; medians. */
static void compare(const char *what, const char *unit, double scale, double (*measure)(int), const char *plain,
                    const char *other) {
    double values[2][ROUNDS];
    for (int round = 0; round < ROUNDS; round++)
        for (int way = 0; way < 2; way++) values[way][round] = measure(way) * scale;
    for (int way = 0; way < 2; way++) qsort(values[way], ROUNDS, sizeof values[way][0], ascending);
    double before = values[0][ROUNDS / 2], after = values[1][ROUNDS / 2];
    printf("%-46s %-22s %8.3f %s\n%-46s %-22s %8.3f %s  %.2fx\n", what, plain, before, unit, "", other, after, unit,
           after / before);
    fflush(stdout);
}

int main(void) {
    compare("receive and send 1 KB, 32 connections", "ns", 1, small, "plain", "registered files");
    compare("send pieces of 64 KiB (loopback)", "s/GB", 1, bulk, "send", "send_zc");
    compare("pass a flow on unread", "s/GB", 1, relay, "receive 16 KiB, send", "splice by a pipe");
    return 0;
}
