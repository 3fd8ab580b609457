/* node/chip_proc.c - see chip_proc.h. One packet asks, one answers; both ends are the same program, so whole structs travel. */
#ifdef LULL_TPM
#include "node/chip_proc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/syscalls.h"

enum { CHILD_FD = 3 };
enum asked { ASK_ECDH, ASK_PROVE };
struct question {
    enum asked what;
    uint32_t pcrs;
    uint8_t point[65], extra[CHIP_DIGEST];
};
struct answer {
    int err;
    struct why why;
    uint8_t secret[32];
    struct chip_proof proof;
};
struct hello {
    int err;
    struct why why;
    struct measures measures;
    struct chip_public shown;
};
struct chip_proc {
    int fd;
    pid_t pid;
    struct chip_public shown;
};

/* ---- the child ---- */

static int prove(struct chip *c, const struct question *q, struct chip_proof *p, struct why *why) {
    int r = chip_read_pcrs(c, q->pcrs, p->pcrs, &p->pcr_count, why);
    if (r == 0) r = chip_quote(c, q->pcrs, q->extra, &p->quote, &p->quote_signature, why);
    if (r == 0) r = chip_certify_seal(c, q->extra, &p->birth, &p->birth_signature, why);
    return r;
}

static void serve(struct chip *c) {
    static struct answer a; /* large; one question at a time */
    for (;;) {
        struct question q;
        ssize_t n = recv(CHILD_FD, &q, sizeof q, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n != (ssize_t)sizeof q) return;
        memset(&a, 0, sizeof a);
        a.err = q.what == ASK_ECDH ? chip_ecdh(c, a.secret, q.point) : prove(c, &q, &a.proof, &a.why);
        n = send(CHILD_FD, &a, sizeof a, MSG_NOSIGNAL);
        mem_wipe(&a, sizeof a);
        if (n != (ssize_t)sizeof a) return;
    }
}

/* A device stays open; other ways may need a socket for each command. */
static void confine(const char *tcti, struct measures *m) {
    struct landlock_rules nothing = {.path_count = 0};
    struct why why = {{0}};
    int device = !tcti || strncmp(tcti, "device:", 7) == 0;
    int r = landlock_confine(&nothing, NULL, &why);
    measure_note_result(m, "tpm_files", r, &why, "the process that talks to the TPM opens no file");
    r = syscalls_confine(device ? SYSCALLS_TALK : SYSCALLS_DIAL, &why);
    measure_note_result(m, "tpm_calls", r, &why,
                        device ? "it talks to the device and to the node"
                               : "it starts no program; it may make sockets, to reach the TPM");
}

static _Noreturn void child(int fd, const char *tcti, uint32_t boot_pcrs) {
    static struct hello hello;
    struct chip *c = NULL;
    prctl(PR_SET_NAME, "lull-tpm", 0, 0, 0);
    /* It ends when its socket does, however the node ended: keys left in a chip without a resource manager fill it. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    secret_harden_process();
    if (dup2(fd, CHILD_FD) != CHILD_FD || close_range(CHILD_FD + 1, ~0U, 0) != 0) _exit(1);
    hello.err = chip_open(&c, tcti, &hello.why);
    if (hello.err == 0) hello.err = chip_make_keys(c, boot_pcrs, &hello.why);
    if (hello.err == 0) {
        confine(tcti, &hello.measures);
        hello.shown = *chip_public(c);
    }
    if (send(CHILD_FD, &hello, sizeof hello, MSG_NOSIGNAL) == (ssize_t)sizeof hello && hello.err == 0) serve(c);
    chip_close(c);
    _exit(0);
}

/* ---- the node's side ---- */

static int hear_hello(struct chip_proc *p, struct measures *m, struct why *why) {
    static struct hello h;
    ssize_t n;
    do n = recv(p->fd, &h, sizeof h, 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof h) return why_set(why, ERR_LOST, "the TPM does not answer, or its process does not start");
    h.why.text[sizeof h.why.text - 1] = 0;
    if (h.err != 0) return why_set(why, h.err, "%s", why_text(&h.why, h.err));
    p->shown = h.shown;
    measures_add(m, &h.measures);
    return 0;
}

static void set_wait(int fd, int seconds) {
    struct timeval wait = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
}

int chip_proc_start(struct chip_proc **out, const char *tcti, uint32_t boot_pcrs, struct measures *m, struct why *why) {
    int fds[2], r = 0;
    *out = NULL;
    struct chip_proc *p = mem_zalloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        free(p);
        return why_set(why, ERR_IO, "socketpair: %s", strerror(errno));
    }
    p->pid = fork();
    if (p->pid == 0) child(fds[1], tcti, boot_pcrs);
    close(fds[1]);
    p->fd = fds[0];
    if (p->pid < 0) r = why_set(why, ERR_IO, "fork: %s", strerror(errno));
    set_wait(p->fd, CHIP_CHILD_WAIT_S);
    if (r == 0) r = hear_hello(p, m, why);
    set_wait(p->fd, CHIP_WAIT_S);
    if (r == 0)
        *out = p;
    else
        chip_proc_stop(p);
    return r;
}

void chip_proc_stop(struct chip_proc *p) {
    if (!p) return;
    if (p->fd >= 0) close(p->fd);
    if (p->pid > 0) waitpid(p->pid, NULL, 0);
    free(p);
}

const struct chip_public *chip_proc_public(const struct chip_proc *p) { return &p->shown; }

/* After a late answer the two would no longer be in step, so the process is given up. */
static int ask(struct chip_proc *p, const struct question *q, struct answer *a) {
    if (p->fd < 0 || send(p->fd, q, sizeof *q, MSG_NOSIGNAL) != (ssize_t)sizeof *q) return ERR_LOST;
    ssize_t n;
    do n = recv(p->fd, a, sizeof *a, 0);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof *a) return a->err;
    close(p->fd);
    p->fd = -1;
    return ERR_LOST;
}

int chip_proc_ecdh(void *arg, uint8_t out[32], const uint8_t point[65]) {
    static struct answer a;
    struct question q = {.what = ASK_ECDH};
    memcpy(q.point, point, sizeof q.point);
    int r = ask(arg, &q, &a);
    if (r == 0) memcpy(out, a.secret, 32);
    mem_wipe(&a, sizeof a);
    return r;
}

int chip_proc_prove(struct chip_proc *p, uint32_t pcrs, const uint8_t extra[CHIP_DIGEST], struct chip_proof *out,
                    struct why *why) {
    static struct answer a;
    struct question q = {.what = ASK_PROVE, .pcrs = pcrs};
    memcpy(q.extra, extra, sizeof q.extra);
    int r = ask(p, &q, &a);
    if (r == 0) *out = a.proof;
    if (r != 0) (void)why_set(why, r, "%s", r == ERR_LOST ? "the TPM does not answer" : why_text(&a.why, r));
    mem_wipe(&a, sizeof a);
    return r;
}
#endif
