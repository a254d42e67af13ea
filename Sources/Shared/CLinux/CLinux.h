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

static inline int culvert_set_option(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value);
}

#endif
