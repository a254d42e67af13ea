/* Linux calls and macros that Swift's importer does not see. Shims only; no state. Define no feature macro here. */
#ifndef CULVERT_CLINUX_H
#define CULVERT_CLINUX_H
#include <sys/select.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Bytes of control data that `count` descriptors need. */
static inline size_t culvert_control_space(uint32_t count) { return CMSG_SPACE(sizeof(int) * count); }

/* Puts `count` descriptors into the control buffer of `message`. */
static inline void culvert_put_descriptors(struct msghdr *message, const int *descriptors, uint32_t count) {
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(head), descriptors, sizeof(int) * count);
}

/* Takes the descriptors out of a received message; those beyond `room` are closed. Returns how many were kept. */
static inline uint32_t culvert_take_descriptors(struct msghdr *message, int *descriptors, uint32_t room) {
    uint32_t kept = 0;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
            if (kept < room) descriptors[kept++] = descriptor;
            else close(descriptor);
        }
    }
    return kept;
}

/* The C library hides these behind a feature macro; the values are the kernel's (linux/memfd.h, linux/fcntl.h). */
enum { CULVERT_MFD_CLOEXEC = 1, CULVERT_MFD_ALLOW_SEALING = 2, CULVERT_F_ADD_SEALS = 1033, CULVERT_SEAL_ALL = 15 };
long syscall(long number, ...);

/* An anonymous file that can be sealed. */
static inline int culvert_memfd(const char *name) {
    return (int)syscall(SYS_memfd_create, name, CULVERT_MFD_CLOEXEC | CULVERT_MFD_ALLOW_SEALING);
}

/* Nothing may change the file any more. */
static inline int culvert_seal(int descriptor) { return fcntl(descriptor, CULVERT_F_ADD_SEALS, CULVERT_SEAL_ALL); }

/* Lets other threads run. */
int sched_yield(void);
static inline void culvert_yield(void) { (void)sched_yield(); }

/* The process dies when its parent does. */
static inline int culvert_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

/* Opens `path` for reading below the directory `root`: no `..`, absolute name or symbolic link leads out of it. Waits
   for no FIFO's writer. -1 and errno; ENOSYS or EPERM where the kernel or a seccomp filter has no openat2. */
static inline int culvert_open_beneath(int root, const char *path) {
    struct { uint64_t flags, mode, resolve; } how = { /* O_CLOEXEC */ 02000000 | O_NONBLOCK | O_NOCTTY, 0,
        /* RESOLVE_BENEATH */ 8 | /* RESOLVE_NO_MAGICLINKS */ 2 };
    return (int)syscall(/* SYS_openat2 */ 437, root, path, &how, sizeof how);
}

/* One step of the same without openat2: opens `name`, which holds no slash, in `directory` and follows no link. */
static inline int culvert_open_step(int directory, const char *name) {
    return openat(directory, name, O_RDONLY | /* O_CLOEXEC */ 02000000 | /* O_NOFOLLOW */ 0400000 | O_NONBLOCK | O_NOCTTY);
}

/* What a file is, without the C library's struct, which several modules of Swift packages declare. */
struct culvert_file_status {
    uint32_t is_file, is_directory;
    uint64_t length;
    int64_t modified_seconds, modified_nanoseconds;
};

static inline struct culvert_file_status culvert_status_of(const struct stat *status) {
    struct culvert_file_status out = { S_ISREG(status->st_mode), S_ISDIR(status->st_mode),
        status->st_size < 0 ? 0 : (uint64_t)status->st_size, status->st_mtim.tv_sec, status->st_mtim.tv_nsec };
    return out;
}

/* 0, or -1 and errno. */
static inline int culvert_file_status(int descriptor, struct culvert_file_status *out) {
    struct stat status;
    if (fstat(descriptor, &status) < 0) return -1;
    *out = culvert_status_of(&status);
    return 0;
}

/* The same of a name in a directory; a symbolic link is asked itself, not what it points to. */
static inline int culvert_file_status_at(int directory, const char *name, struct culvert_file_status *out) {
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return -1;
    *out = culvert_status_of(&status);
    return 0;
}

/* In a process that is being started: every descriptor from `first` on is closed. (glibc 2.34; hidden by a feature
   macro.) */
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
static inline int culvert_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

/* A descriptor that is readable once the process has ended. -1 and errno. */
static inline int culvert_pidfd(pid_t process) { return (int)syscall(/* SYS_pidfd_open */ 434, process, 0); }

/* Whether `path` is a directory, no link, owned by this user and closed to all others. */
static inline int culvert_is_private_directory(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == getuid()
        && (status.st_mode & 077) == 0;
}

/* What tells a file from another one, or from an earlier state of itself. */
struct culvert_file_mark {
    uint64_t device, inode, bytes;
    int64_t seconds, nanoseconds;
};

/* 0, or -1 and errno. */
static inline int culvert_mark_file(const char *path, struct culvert_file_mark *mark) {
    struct stat status;
    if (stat(path, &status) < 0) return -1;
    mark->device = (uint64_t)status.st_dev;
    mark->inode = (uint64_t)status.st_ino;
    mark->bytes = (uint64_t)status.st_size;
    mark->seconds = status.st_mtim.tv_sec;
    mark->nanoseconds = status.st_mtim.tv_nsec;
    return 0;
}

static inline int culvert_set_option(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value);
}

/* The event loop's calls: what they promise is said by the attribute, no lock and no allocation in Swift's sense. */
#include <pthread.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#define LOOP_HOT __attribute__((swift_attr("@_noLocks"))) static inline

/* A result as io_uring gives it: not negative, or the error number, negated. */
LOOP_HOT int culvert_result(ssize_t result) { return result < 0 ? -errno : (int)result; }

LOOP_HOT int culvert_receive(int fd, void *room, size_t count) {
    return culvert_result(recv(fd, room, count, MSG_DONTWAIT));
}
LOOP_HOT int culvert_send(int fd, const void *bytes, size_t count) {
    return culvert_result(send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}
LOOP_HOT int culvert_send_message(int fd, const struct msghdr *message) {
    return culvert_result(sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL));
}
LOOP_HOT int culvert_receive_message(int fd, struct msghdr *message) {
    return culvert_result(recvmsg(fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
}
/* accept4 hides behind a feature macro. */
LOOP_HOT int culvert_accept(int fd) {
    return culvert_result(syscall(SYS_accept4, fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}
/* What every socket that we open gets. TCP: small writes leave at once, little waits unsent in front of them, and a peer
   that is gone without a word is noticed after 15 + 3 x 5 s. Datagrams: room for a burst, as far as the kernel grants it. Others: nothing. */
LOOP_HOT void culvert_tune_socket(int fd) {
    int type = 0, on = 1, unsent = 32768, idle = 15, interval = 5, count = 3, room = 4194304;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size)) return;
    if (type == SOCK_DGRAM) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        return;
    }
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}
/* How long bytes that were sent may stay unacknowledged before the connection is over. */
LOOP_HOT void culvert_limit_unacknowledged(int fd, int milliseconds) {
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}
LOOP_HOT int culvert_socket_type(int datagram) { return datagram ? SOCK_DGRAM : SOCK_STREAM; }
LOOP_HOT int culvert_socket(int domain, int type) {
    return culvert_result(socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}
/* Closing resets the connection: what is queued is dropped, and the peer sees that it was cut. */
LOOP_HOT void culvert_reset_on_close(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}
LOOP_HOT int culvert_connect(int fd, const void *address, uint32_t count) {
    return culvert_result(connect(fd, (const struct sockaddr *)address, count));
}
LOOP_HOT int culvert_shutdown(int fd, int how) { return culvert_result(shutdown(fd, how)); }
LOOP_HOT int culvert_close(int fd) { return culvert_result(close(fd)); }
LOOP_HOT int culvert_wake(int fd) {
    uint64_t one = 1;
    return culvert_result(write(fd, &one, sizeof one));
}
/* Two connected sockets, and bytes into one of them. */
static inline int culvert_socket_pair(int *pair) {
    return culvert_result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
}
static inline int culvert_write(int fd, const void *bytes, size_t count) {
    return culvert_result((int)write(fd, bytes, count));
}
static inline int culvert_poll(void) { return culvert_result(epoll_create1(EPOLL_CLOEXEC)); }
static inline int culvert_eventfd(void) { return culvert_result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
LOOP_HOT int culvert_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    return flags & O_NONBLOCK ? 0 : culvert_result(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

/* Fills the header of a gathered send or a descriptor message, in the room that the message keeps for it. */
LOOP_HOT struct msghdr *culvert_header(void *room, void *ranges, size_t count, void *control, size_t controlBytes) {
    struct msghdr *header = (struct msghdr *)room;
    memset(header, 0, sizeof *header);
    header->msg_iov = (struct iovec *)ranges;
    header->msg_iovlen = count;
    header->msg_control = controlBytes ? control : NULL;
    header->msg_controllen = controlBytes;
    return header;
}
LOOP_HOT void culvert_pack_descriptors(struct msghdr *message, const int *descriptors, uint32_t count) {
    if (count) culvert_put_descriptors(message, descriptors, count);
}
LOOP_HOT uint32_t culvert_unpack_descriptors(struct msghdr *message, int *descriptors, uint32_t room) {
    return culvert_take_descriptors(message, descriptors, room);
}

/* Socket addresses in the room that a dial address keeps for them; each returns the length. */
LOOP_HOT uint32_t culvert_address4(void *room, uint32_t address, uint16_t port) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    memcpy(room, &in, sizeof in);
    return sizeof in;
}
LOOP_HOT uint32_t culvert_address6(void *room, uint64_t high, uint64_t low, uint16_t port) {
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    for (int i = 0; i < 8; i++) {
        in.sin6_addr.s6_addr[i] = (uint8_t)(high >> (56 - 8 * i));
        in.sin6_addr.s6_addr[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    }
    memcpy(room, &in, sizeof in);
    return sizeof in;
}
/* A path that starts with a zero byte is in the abstract namespace: its length counts, without a final zero. */
LOOP_HOT uint32_t culvert_address_unix(void *room, const uint8_t *path, uint32_t count) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    memcpy(un.sun_path, path, count);
    memcpy(room, &un, sizeof un);
    uint32_t whole = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + count);
    return count && path[0] && count < sizeof un.sun_path ? whole + 1 : whole;
}
/* A socket address of the internet in IPv6 form, IPv4 mapped. False when it is none of the internet. */
LOOP_HOT int culvert_read_address(const void *name, uint32_t count, uint64_t *high, uint64_t *low, uint16_t *port) {
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    sa_family_t family = AF_UNSPEC;
    if (count >= sizeof family) memcpy(&family, name, sizeof family);
    if (family == AF_INET && count >= sizeof in) {
        memcpy(&in, name, sizeof in);
        *high = 0;
        *low = 0xFFFF00000000u | ntohl(in.sin_addr.s_addr);
        *port = ntohs(in.sin_port);
        return 1;
    }
    if (family != AF_INET6 || count < sizeof in6) return 0;
    memcpy(&in6, name, sizeof in6);
    *high = *low = 0;
    for (int i = 0; i < 8; i++) {
        *high = *high << 8 | in6.sin6_addr.s6_addr[i];
        *low = *low << 8 | in6.sin6_addr.s6_addr[8 + i];
    }
    *port = ntohs(in6.sin6_port);
    return 1;
}
/* The peer's address in IPv6 form, IPv4 mapped. False when there is none, or none of the internet. */
LOOP_HOT int culvert_peer(int fd, uint64_t *high, uint64_t *low, uint16_t *port) {
    struct sockaddr_storage storage;
    socklen_t count = sizeof storage;
    if (getpeername(fd, (struct sockaddr *)&storage, &count) != 0) return 0;
    return culvert_read_address(&storage, count, high, low, port);
}
/* The next datagram, and who sent it. */
LOOP_HOT int culvert_receive_datagram(
    int fd, void *room, size_t size, uint64_t *high, uint64_t *low, uint16_t *port) {
    struct sockaddr_storage storage;
    socklen_t count = sizeof storage;
    ssize_t result = recvfrom(fd, room, size, MSG_DONTWAIT, (struct sockaddr *)&storage, &count);
    if (result < 0) return -errno;
    (void)culvert_read_address(&storage, count, high, low, port);
    return (int)result;
}
/* Whom a message goes to. */
LOOP_HOT void culvert_set_name(struct msghdr *message, void *name, uint32_t count) {
    message->msg_name = name;
    message->msg_namelen = count;
}

/* Maps the whole file read-only and closes the descriptor in any case. 0 or a negative error number. */
LOOP_HOT int culvert_map_file(int fd, uintptr_t *address, uint64_t *count) {
    struct stat status;
    int result = culvert_result(fstat(fd, &status));
    if (result == 0 && status.st_size <= 0) result = -EINVAL;
    if (result == 0) {
        void *at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED) result = -errno;
        else *address = (uintptr_t)at, *count = (uint64_t)status.st_size;
    }
    close(fd);
    return result;
}
LOOP_HOT int culvert_unmap(uintptr_t address, uint64_t count) {
    return culvert_result(munmap((void *)address, count));
}
LOOP_HOT void culvert_release_memory(uintptr_t address, uint64_t count) {
    (void)madvise((void *)address, count, MADV_DONTNEED);
}
/* Memory that costs nothing until it is touched; NULL when there is none. */
static inline void *culvert_reserve(size_t count) {
    void *at = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}
/* Fills the room with the kernel's randomness; false when the kernel has none. */
LOOP_HOT int culvert_random(void *room, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t step = getrandom((char *)room + done, count - done, 0);
        if (step < 0 && errno != EINTR) return 0;
        if (step > 0) done += (size_t)step;
    }
    return 1;
}

/* epoll: edge-triggered, both directions at once. `word` comes back with the events. */
enum {
    CULVERT_EDGES = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
    CULVERT_WATCH = EPOLLIN | EPOLLET,
    CULVERT_READABLE = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR,
    CULVERT_WRITABLE = EPOLLOUT | EPOLLHUP | EPOLLERR,
    CULVERT_HUNG_UP = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
};
LOOP_HOT int culvert_poll_change(int poll, int change, int fd, uint32_t mask, uint64_t word) {
    struct epoll_event event = {.events = mask, .data.u64 = word};
    return culvert_result(epoll_ctl(poll, change, fd, &event));
}
LOOP_HOT int culvert_poll_wait(int poll, struct epoll_event *events, int room, int milliseconds) {
    return culvert_result(epoll_wait(poll, events, room, milliseconds));
}
LOOP_HOT uint32_t culvert_event_mask(const struct epoll_event *events, int index) { return events[index].events; }
LOOP_HOT uint64_t culvert_event_word(const struct epoll_event *events, int index) { return events[index].data.u64; }

/* The monotonic clock, in nanoseconds. */
LOOP_HOT uint64_t culvert_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The signals that a process of ours takes as events: blocked here, taken by culvert_wait_signal. */
static inline sigset_t culvert_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGPIPE);
    return set;
}
static inline int culvert_block_signals(void) {
    sigset_t set = culvert_signals();
    return pthread_sigmask(SIG_BLOCK, &set, NULL);
}
/* The next signal, or a negative error number. */
static inline int culvert_wait_signal(void) {
    sigset_t set = culvert_signals();
    int signal = 0;
    int failed = sigwait(&set, &signal);
    return failed ? -failed : signal;
}
/* Starts a thread; 0 or an error number. */
static inline int culvert_start_thread(
    uintptr_t *thread, size_t stackBytes, int detached, void *(*_Nonnull body)(void *_Nullable), void *argument) {
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed) return failed;
    failed = pthread_attr_setstacksize(&attributes, stackBytes);
    if (!failed && detached) failed = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t made = 0;
    if (!failed) failed = pthread_create(&made, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    *thread = (uintptr_t)made;
    return failed;
}
static inline int culvert_join_thread(uintptr_t thread) { return pthread_join((pthread_t)thread, NULL); }
/* This thread works when no other wants to: SCHED_IDLE, or the lowest priority where that is not to be had. */
static inline void culvert_yield_to_all(void) {
    struct { int priority; } none = {0};
    if (syscall(SYS_sched_setscheduler, 0, /* SCHED_IDLE */ 5, &none)) (void)setpriority(PRIO_PROCESS, 0, 19);
}
/* Milliseconds of the wall clock since 1970. */
static inline int64_t culvert_wall_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}
/* `room` holds 16 characters. */
static inline int culvert_thread_name(char *room) { return prctl(PR_GET_NAME, room); }
static inline int culvert_name_thread(const char *name) { return prctl(PR_SET_NAME, name); }

/* Raises the soft limit of open descriptors to the hard one; the limit afterwards. */
static inline uint64_t culvert_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return 0;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return getrlimit(RLIMIT_NOFILE, &limit) ? 0 : (uint64_t)limit.rlim_cur;
}

#endif
