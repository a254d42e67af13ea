/* liburing, and shims for what Swift's importer does not see: macros over enums, unions in entries.
 * <sys/select.h> comes first: liburing.h sets _XOPEN_SOURCE, and a later fd_set would lack its field. */
#ifndef CULVERT_CLIBURING_H
#define CULVERT_CLIBURING_H
#include <sys/select.h>
#include <sys/socket.h>
#include <errno.h>
#include <string.h>
#include <liburing.h>

#define RING_HOT __attribute__((swift_attr("@_noLocks"))) static inline

/* A free entry, or NULL when the queue is full. */
RING_HOT struct io_uring_sqe *culvert_entry(struct io_uring *ring) { return io_uring_get_sqe(ring); }

RING_HOT void culvert_prep_accept(struct io_uring_sqe *e, int fd, uint64_t token) {
    io_uring_prep_multishot_accept(e, fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    e->user_data = token;
}
RING_HOT void culvert_prep_receive(struct io_uring_sqe *e, int fd, int multishot, uint16_t group, uint64_t token) {
    if (multishot) io_uring_prep_recv_multishot(e, fd, NULL, 0, 0);
    else io_uring_prep_recv(e, fd, NULL, 0, 0);
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
RING_HOT void culvert_prep_socket(struct io_uring_sqe *e, int domain, uint64_t token) {
    io_uring_prep_socket(e, domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
    e->user_data = token;
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

RING_HOT void culvert_buffer_add(struct io_uring_buf_ring *ring, void *at, uint32_t count, uint16_t id, int mask, int offset) {
    io_uring_buf_ring_add(ring, at, count, id, mask, offset);
}
RING_HOT void culvert_buffer_publish(struct io_uring_buf_ring *ring, int count) { io_uring_buf_ring_advance(ring, count); }

#endif
