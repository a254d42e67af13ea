/* A seccomp filter as container runtimes install it, for the tests of the choice between the shells. */
#ifndef CULVERT_CSECCOMP_H
#define CULVERT_CSECCOMP_H
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* From now on this process and its children get `error` from system call `number`. 0 or a negative error number. */
static inline int culvert_forbid(long number, int error) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ? 0 : -errno;
}

static inline int culvert_forbid_ring_setup(int error) { return culvert_forbid(SYS_io_uring_setup, error); }
static inline int culvert_forbid_ring_enter(int error) { return culvert_forbid(SYS_io_uring_enter, error); }

#endif
