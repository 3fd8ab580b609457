/* base/syscalls.c - see syscalls.h. The filter is a straight line of comparisons, since it is short and every answer must be plain to a
 * reader; calls that are made for every token (futex, read, write) come first. */
#include "base/syscalls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#if !defined OUR_ARCH || defined LULL_SANITIZED
int syscalls_confine(enum syscall_set set, struct why *why) {
    (void)set;
    return why_set(why, ERR_UNSUPPORTED, "no filter for this architecture, or with sanitizers");
}
#else

static const int talk[] = {
    __NR_futex,          __NR_read,
    __NR_write,          __NR_recvfrom,
    __NR_sendto,         __NR_recvmsg,
    __NR_sendmsg,        __NR_readv,
    __NR_writev,         __NR_epoll_pwait,
    __NR_epoll_ctl,      __NR_clock_gettime,
    __NR_gettimeofday,   __NR_clock_nanosleep,
    __NR_nanosleep,      __NR_sched_yield,
    __NR_munmap,         __NR_mremap,
    __NR_madvise,        __NR_brk,
    __NR_mlock,          __NR_mlock2,
    __NR_munlock,        __NR_getrandom,
    __NR_close,          __NR_shutdown,
    __NR_ppoll,          __NR_rt_sigreturn,
    __NR_rt_sigprocmask, __NR_rt_sigaction,
    __NR_sigaltstack,    __NR_restart_syscall,
    __NR_exit,           __NR_exit_group,
    __NR_getpid,         __NR_gettid,
    __NR_getppid,        __NR_getuid,
    __NR_geteuid,        __NR_getgid,
    __NR_getegid,        __NR_sched_getaffinity,
    __NR_sysinfo,        __NR_membarrier,
    __NR_getcpu,         __NR_uname,
    __NR_getrusage,      __NR_times,
    __NR_fcntl,          __NR_fstat,
    __NR_lseek,          __NR_wait4,
    __NR_waitid,
#ifdef __NR_epoll_wait
    __NR_epoll_wait,
#endif
#ifdef __NR_poll
    __NR_poll,
#endif
#ifdef __NR_time
    __NR_time,
#endif
};
static const int work[] = {
    __NR_accept4,
    __NR_accept,
    __NR_getsockname,
    __NR_getpeername,
    __NR_getsockopt,
    __NR_setsockopt,
    __NR_eventfd2,
    __NR_timerfd_create,
    __NR_timerfd_settime,
    __NR_timerfd_gettime,
    __NR_epoll_create1,
    __NR_pipe2,
    __NR_dup,
    __NR_dup3,
    __NR_set_robust_list,
    __NR_rseq,
    __NR_set_tid_address,
    __NR_openat,
    __NR_newfstatat,
    __NR_statx,
    __NR_faccessat,
    __NR_getdents64,
    __NR_pread64,
    __NR_pwrite64,
    __NR_ftruncate,
    __NR_fallocate,
    __NR_fsync,
    __NR_fdatasync,
    __NR_unlinkat,
    __NR_renameat,
    __NR_renameat2,
    __NR_mkdirat,
    __NR_readlinkat,
    __NR_fchmod,
    __NR_flock,
    __NR_getcwd,
    __NR_fadvise64,
    __NR_sched_setaffinity,
    __NR_sched_getscheduler,
    __NR_sched_setscheduler,
    __NR_getpriority,
    __NR_setpriority,
    __NR_umask,
#ifdef __NR_faccessat2
    __NR_faccessat2,
#endif
#ifdef __NR_open /* of the older architecture's library */
    __NR_open,
    __NR_stat,
    __NR_lstat,
    __NR_access,
    __NR_unlink,
    __NR_rename,
    __NR_mkdir,
    __NR_readlink,
    __NR_getdents,
    __NR_pipe,
    __NR_dup2,
    __NR_chmod,
    __NR_epoll_create,
    __NR_eventfd,
#endif
};
static const int dial[] = {__NR_socket, __NR_connect, __NR_sendmmsg, __NR_recvmmsg, __NR_bind /* a resolver binds its socket */};

enum { FILTER_MAX = 512 };
struct filter {
    struct sock_filter at[FILTER_MAX];
    unsigned short n;
};

static void put(struct filter *f, uint16_t code, uint8_t yes, uint8_t no, uint32_t k) {
    if (f->n < FILTER_MAX) f->at[f->n++] = (struct sock_filter){code, yes, no, k};
}
static void load(struct filter *f, size_t offset) { put(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset); }
static void answer(struct filter *f, uint32_t what) { put(f, BPF_RET | BPF_K, 0, 0, what); }

static void allow(struct filter *f, const int *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)list[i]);
        answer(f, SECCOMP_RET_ALLOW);
    }
}

/* The call, if the low word of one argument has none of the bits in `without` and all of those in `with`. The number is loaded again. */
static void allow_if(struct filter *f, int call, unsigned arg, uint32_t without, uint32_t with) {
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, (uint32_t)call);
    load(f, offsetof(struct seccomp_data, args) + 8 * arg);
    put(f, BPF_ALU | BPF_AND | BPF_K, 0, 0, without | with);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, with);
    answer(f, SECCOMP_RET_ALLOW);
    answer(f, SECCOMP_RET_ERRNO | EPERM);
}

static void allow_value(struct filter *f, int call, unsigned arg, uint32_t value) {
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)call);
    load(f, offsetof(struct seccomp_data, args) + 8 * arg);
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
    answer(f, SECCOMP_RET_ALLOW);
    load(f, offsetof(struct seccomp_data, nr));
}

static void build(struct filter *f, enum syscall_set set) {
    static const int map[2] = {__NR_mmap, __NR_mprotect};
    load(f, offsetof(struct seccomp_data, arch));
    put(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, OUR_ARCH);
    answer(f, SECCOMP_RET_KILL_PROCESS); /* another instruction set's numbers would mean other calls */
    load(f, offsetof(struct seccomp_data, nr));
    allow(f, talk, sizeof talk / sizeof *talk);
    if (set >= SYSCALLS_DIAL) /* looking up a name may load a module */
        allow(f, map, 2);
    else
        for (int i = 0; i < 2; i++) allow_if(f, map[i], 2, PROT_EXEC, 0);
    allow_value(f, __NR_tgkill, 0, (uint32_t)getpid()); /* abort */
    allow_value(f, __NR_prctl, 0, PR_SET_NAME);
    allow_value(f, __NR_prctl, 0, PR_GET_DUMPABLE);
    allow_value(f, __NR_ioctl, 1, 0x5401 /* TCGETS: is it a terminal? */);
    allow_value(f, __NR_ioctl, 1, 0x541b /* FIONREAD */);
    allow_value(f, __NR_prlimit64, 2, 0); /* to read a limit, not to set one */
    if (set >= SYSCALLS_WORK) {
        allow(f, work, sizeof work / sizeof *work);
        allow_if(f, __NR_clone, 0, 0, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND); /* threads, not processes */
        put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, __NR_clone3); /* its flags cannot be seen; the library then takes clone */
        answer(f, SECCOMP_RET_ERRNO | ENOSYS);
    }
    if (set >= SYSCALLS_DIAL) allow(f, dial, sizeof dial / sizeof *dial);
    answer(f, SECCOMP_RET_ERRNO | EPERM);
}

int syscalls_confine(enum syscall_set set, struct why *why) {
    struct filter f = {.n = 0};
    build(&f, set);
    if (f.n >= FILTER_MAX) return why_set(why, ERR_INTERNAL, "the filter of system calls is too long");
    struct sock_fprog program = {.len = f.n, .filter = f.at};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return why_set(why, ERR_IO, "no_new_privs: %s", strerror(errno));
    long r = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (r == 0) return 0;
    if (r > 0) return why_set(why, ERR_IO, "a thread could not be put under the filter of system calls");
    return why_set(why, errno == ENOSYS || errno == EINVAL ? ERR_UNSUPPORTED : ERR_IO, "seccomp: %s", strerror(errno));
}
#endif
