/* base/landlock.c - see landlock.h. The numbers are the kernel's interface, written out here because the headers of an older system lack
 * the newer ones while its kernel may have them. */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The calls have the same numbers on every architecture. */
enum { NR_CREATE = 444, NR_ADD = 445, NR_RESTRICT = 446, CREATE_VERSION = 1, RULE_PATH = 1, RULE_PORT = 2 };
enum { /* file rights, by the version that brought them */
       FS_EXECUTE = 1 << 0,
       FS_WRITE = 1 << 1,
       FS_READ = 1 << 2,
       FS_READ_DIR = 1 << 3,
       FS_V1 = (1 << 13) - 1,
       FS_REFER = 1 << 13,                                                     /* 2 */
       FS_TRUNCATE = 1 << 14,                                                  /* 3 */
       FS_IOCTL_DEV = 1 << 15,                                                 /* 5 */
       FS_FILE = FS_EXECUTE | FS_WRITE | FS_READ | FS_TRUNCATE | FS_IOCTL_DEV, /* what a rule on a file may name */
       NET_BIND = 1 << 0,                                                      /* 4 */
       NET_CONNECT = 1 << 1,
       SCOPE_ABSTRACT = 1 << 0, /* 6 */
       SCOPE_SIGNAL = 1 << 1
};
struct ruleset {
    uint64_t fs, net, scoped;
};
struct path_rule {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));
struct port_rule {
    uint64_t allowed, port;
};

int landlock_version(void) {
    long v = syscall(NR_CREATE, NULL, (size_t)0, CREATE_VERSION);
    return v > 0 ? (int)v : 0;
}

static uint64_t fs_handled(int version) {
    uint64_t all = FS_V1;
    if (version >= 2) all |= FS_REFER;
    if (version >= 3) all |= FS_TRUNCATE;
    if (version >= 5) all |= FS_IOCTL_DEV;
    return all;
}

static int failed(struct why *why, const char *what, const char *where) {
    return why_set(why, ERR_IO, "Landlock: %s %s: %s", what, where, strerror(errno));
}

static int add_path(int set, const struct landlock_path *p, uint64_t handled, struct why *why) {
    struct stat st;
    struct path_rule rule = {.fd = open(p->path, O_PATH | O_CLOEXEC)};
    if (rule.fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : failed(why, "open", p->path);
    int r = fstat(rule.fd, &st) == 0 ? 0 : failed(why, "stat", p->path);
    /* never to execute, and no device's controls */
    rule.allowed = (p->may_write ? handled & ~(uint64_t)(FS_EXECUTE | FS_IOCTL_DEV) : FS_READ | FS_READ_DIR) & handled;
    if (r == 0 && !S_ISDIR(st.st_mode)) rule.allowed &= FS_FILE;
    if (r == 0 && syscall(NR_ADD, set, RULE_PATH, &rule, 0) != 0) r = failed(why, "rule for", p->path);
    close(rule.fd);
    return r;
}

static int add_port(int set, uint16_t port, struct why *why) {
    struct port_rule rule = {NET_CONNECT, port};
    return syscall(NR_ADD, set, RULE_PORT, &rule, 0) == 0 ? 0 : failed(why, "rule for", "a port");
}

int landlock_confine(const struct landlock_rules *r, int *tcp_limited, struct why *why) {
#ifdef LULL_SANITIZED /* their reports read /proc and start programs */
    int version = 0, tcp = 0, e = 0;
#else
    int version = landlock_version(), tcp = r->limit_tcp && version >= 4, e = 0;
#endif
    if (tcp_limited) *tcp_limited = tcp;
    if (version == 0)
        return why_set(why, ERR_UNSUPPORTED, "this kernel has no Landlock, or it is switched off, or a build with sanitizers");
    struct ruleset attr = {.fs = fs_handled(version),
                           .net = tcp ? NET_BIND | NET_CONNECT : 0,
                           .scoped = version >= 6 ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0};
    size_t bytes = version >= 6 ? sizeof attr : version >= 4 ? 16 : 8; /* what each version knows of the struct */
    int set = (int)syscall(NR_CREATE, &attr, bytes, 0);
    if (set < 0) return failed(why, "rules", "");
    for (size_t i = 0; i < r->path_count && e == 0; i++) e = add_path(set, &r->paths[i], attr.fs, why);
    for (size_t i = 0; tcp && i < r->port_count && e == 0; i++) e = add_port(set, r->ports[i], why);
    if (e == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) e = failed(why, "no_new_privs", "");
    if (e == 0 && syscall(NR_RESTRICT, set, 0) != 0) e = failed(why, "restrict", "");
    close(set);
    return e;
}
