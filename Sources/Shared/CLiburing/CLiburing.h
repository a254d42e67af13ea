/* liburing, and shims for what Swift's importer does not see: macros over enums, unions in entries.
 * <sys/select.h> comes first: liburing.h sets _XOPEN_SOURCE, and a later fd_set would lack its field.
 * The kernel's io_uring.h comes before liburing's copy of it, which has the same guard: swift-system imports the
 * kernel's, and a program that sees both would find the same types defined in two ways. */
#ifndef CULVERT_CLIBURING_H
#define CULVERT_CLIBURING_H
#include <sys/select.h>
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <linux/io_uring.h>
#include <liburing.h>

#define RING_HOT __attribute__((swift_attr("@_noLocks"))) static inline

/* A free entry, or NULL when the queue is full. */
RING_HOT struct io_uring_sqe *culvert_entry(struct io_uring *ring) { return io_uring_get_sqe(ring); }

RING_HOT void culvert_prep_accept(struct io_uring_sqe *e, int fd, uint64_t token) {
    io_uring_prep_multishot_accept(e, fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    e->user_data = token;
}
/* Several buffers at once (kernel 6.10): not in liburing 2.3 yet. */
#define CULVERT_RECEIVE_BUNDLE (1U << 4)
#define CULVERT_FEATURE_BUNDLE (1U << 14)

RING_HOT void culvert_prep_receive(
    struct io_uring_sqe *e, int fd, int multishot, int bundle, uint16_t group, uint64_t token) {
    if (multishot) io_uring_prep_recv_multishot(e, fd, NULL, 0, 0);
    else io_uring_prep_recv(e, fd, NULL, 0, 0);
    if (bundle) e->ioprio |= CULVERT_RECEIVE_BUNDLE;
    e->flags |= IOSQE_BUFFER_SELECT;
    e->buf_group = group;
    e->user_data = token;
}
RING_HOT void culvert_prep_send(struct io_uring_sqe *e, int fd, const void *bytes, uint32_t count, uint64_t token) {
    io_uring_prep_send(e, fd, bytes, count, MSG_NOSIGNAL);
    e->user_data = token;
}
RING_HOT void culvert_prep_sendmsg(struct io_uring_sqe *e, int fd, const struct msghdr *m, uint64_t token) {
    io_uring_prep_sendmsg(e, fd, m, MSG_NOSIGNAL);
    e->user_data = token;
}
RING_HOT void culvert_prep_recvmsg(struct io_uring_sqe *e, int fd, struct msghdr *m, uint64_t token) {
    io_uring_prep_recvmsg(e, fd, m, MSG_CMSG_CLOEXEC);
    e->user_data = token;
}
RING_HOT void culvert_prep_socket(struct io_uring_sqe *e, int domain, int type, uint64_t token) {
    io_uring_prep_socket(e, domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
    e->user_data = token;
}
/* Receives datagrams into the buffers of `group`, each behind the kernel's header and `nameBytes` of the sender's name.
 * `shape` says so to the kernel, and must stay until the entry is submitted. */
RING_HOT void culvert_prep_datagrams(
    struct io_uring_sqe *e, int fd, struct msghdr *shape, uint32_t nameBytes, uint16_t group, uint64_t token) {
    memset(shape, 0, sizeof *shape);
    shape->msg_namelen = nameBytes;
    io_uring_prep_recvmsg_multishot(e, fd, shape, 0);
    e->flags |= IOSQE_BUFFER_SELECT;
    e->buf_group = group;
    e->user_data = token;
}
/* The sender's name in a buffer that was filled so, and its length. */
RING_HOT const void *culvert_datagram_name(const void *buffer, uint32_t *count) {
    const struct io_uring_recvmsg_out *out = (const struct io_uring_recvmsg_out *)buffer;
    *count = out->namelen;
    return out + 1;
}
RING_HOT void culvert_prep_connect(struct io_uring_sqe *e, int fd, const void *addr, uint32_t len, uint64_t token) {
    io_uring_prep_connect(e, fd, (const struct sockaddr *)addr, len);
    e->user_data = token;
}
RING_HOT void culvert_prep_shutdown(struct io_uring_sqe *e, int fd, int how, uint64_t token) {
    io_uring_prep_shutdown(e, fd, how);
    e->user_data = token;
}
RING_HOT void culvert_prep_close(struct io_uring_sqe *e, int fd, uint64_t token) {
    io_uring_prep_close(e, fd);
    e->user_data = token;
}
RING_HOT void culvert_prep_cancel(struct io_uring_sqe *e, uint64_t target, uint64_t token) {
    io_uring_prep_cancel64(e, target, 0);
    e->user_data = token;
}
/* Posts a completion with user_data `value` to the ring `ring_fd`; none here when it succeeds. */
RING_HOT void culvert_prep_message(struct io_uring_sqe *e, int ring_fd, uint64_t value, uint64_t token) {
    io_uring_prep_msg_ring(e, ring_fd, 0, value, 0);
    e->flags |= IOSQE_CQE_SKIP_SUCCESS;
    e->user_data = token;
}

/* Completions that are ready. */
RING_HOT uint32_t culvert_ready(const struct io_uring *ring) { return io_uring_cq_ready(ring); }
RING_HOT struct io_uring_cqe *culvert_completion(struct io_uring *ring, uint32_t offset) {
    return &ring->cq.cqes[(*ring->cq.khead + offset) & *ring->cq.kring_mask];
}
RING_HOT void culvert_advance(struct io_uring *ring, uint32_t count) { io_uring_cq_advance(ring, count); }

RING_HOT void culvert_buffer_add(
    struct io_uring_buf_ring *ring, void *at, uint32_t count, uint16_t id, int mask, int offset) {
    io_uring_buf_ring_add(ring, at, count, id, mask, offset);
}
RING_HOT void culvert_buffer_publish(struct io_uring_buf_ring *ring, int count) {
    io_uring_buf_ring_advance(ring, count);
}

/* Cancels everything that carries `target`. Silent unless the kernel refuses. */
RING_HOT void culvert_prep_cancel_token(struct io_uring_sqe *e, uint64_t target, uint64_t token) {
    io_uring_prep_cancel64(e, target, IORING_ASYNC_CANCEL_ALL);
    e->flags |= IOSQE_CQE_SKIP_SUCCESS;
    e->user_data = token;
}
/* Cancels everything on `fd`, by looking at all that waits in the ring. Silent unless the kernel refuses. */
RING_HOT void culvert_prep_cancel_descriptor(struct io_uring_sqe *e, int fd, uint64_t token) {
    io_uring_prep_cancel_fd(e, fd, IORING_ASYNC_CANCEL_ALL);
    e->flags |= IOSQE_CQE_SKIP_SUCCESS;
    e->user_data = token;
}
/* A completion each time `fd` becomes readable. */
RING_HOT void culvert_prep_watch(struct io_uring_sqe *e, int fd, uint64_t token) {
    io_uring_prep_poll_multishot(e, fd, POLLIN);
    e->user_data = token;
}

/* Entries that wait to be submitted. */
RING_HOT uint32_t culvert_unsubmitted(const struct io_uring *ring) {
    return ring->sq.sqe_tail - io_uring_smp_load_acquire(ring->sq.khead);
}

/* The one system call of a turn: submits what is prepared, runs deferred work, waits for `wait` completions, at most
 * `timeout` nanoseconds (negative: without limit). liburing's own calls would skip the deferred work when a completion
 * is already there, and enter twice after a timeout. */
RING_HOT int culvert_enter(struct io_uring *ring, int registered, uint32_t wait, int64_t timeout) {
    struct io_uring_sq *sq = &ring->sq;
    unsigned mask = *sq->kring_mask;
    for (; sq->sqe_head != sq->sqe_tail; sq->sqe_head++) sq->array[sq->sqe_head & mask] = sq->sqe_head & mask;
    io_uring_smp_store_release(sq->ktail, sq->sqe_tail);

    unsigned flags = IORING_ENTER_GETEVENTS | (registered ? IORING_ENTER_REGISTERED_RING : 0);
    uint32_t submit = culvert_unsubmitted(ring);
    if (timeout < 0) return io_uring_enter2(ring->enter_ring_fd, submit, wait, flags, NULL, 8);
    struct __kernel_timespec limit = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
    struct io_uring_getevents_arg arg = {.sigmask_sz = 8, .ts = (uint64_t)(uintptr_t)&limit};
    flags |= IORING_ENTER_EXT_ARG;
    return io_uring_enter2(ring->enter_ring_fd, submit, wait, flags, (sigset_t *)&arg, sizeof arg);
}

#endif
