/* node/signer_proc.c - see signer_proc.h. Messages are seal/signer.h's, one packet each way. */
#include "node/signer_proc.h"
#include "base/clock.h"
#include "base/landlock.h"
#include "base/secret.h"
#include "base/syscalls.h"
#include "seal/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEED_BYTES = 32, REPLY_WAIT_S = 5, SIGNER_FD = 3 };

/* The child's first packet: whether it has a key. The key file is read there and nowhere else. */
struct hello {
    int err;
    struct why why;
    struct measures measures;
};

static int load_seed(const char *path, uint8_t seed[SEED_BYTES], struct why *why) {
    struct buf b;
    int r = file_read_private(&b, path, 4096, why);
    if (r == ERR_NOTFOUND) {
        random_bytes(seed, SEED_BYTES);
        return file_write(path, seed, SEED_BYTES, 0600, why);
    }
    if (r != 0) return r;
    if (b.len != SEED_BYTES)
        r = why_set(why, ERR_FORMAT, "%s: not an identity key (32 bytes)", path);
    else
        memcpy(seed, b.data, SEED_BYTES);
    buf_release(&b);
    return r;
}

/* The signer's whole life. It has no network, no thread, and one descriptor besides the standard ones. */
static void serve(int fd, const uint8_t secret[SIGN_SECRET_BYTES]) {
    uint8_t request[SIGNER_REQUEST_MAX], reply[SIGNER_REPLY_MAX];
    for (;;) {
        ssize_t n = recv(fd, request, sizeof request, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        size_t len = signer_handle(secret, clock_unix_s(), request, (size_t)n, reply);
        if (send(fd, reply, len, MSG_NOSIGNAL) < 0) return;
    }
}

/* The key is read: from here on it talks to the node and does nothing else. */
static void confine(struct measures *m) {
    struct landlock_rules nothing = {.limit_tcp = 1};
    struct why why = {{0}};
    int r = landlock_confine(&nothing, NULL, &why);
    measure_note_result(m, "signer_files", r, &why, "the process with the identity key opens no file once it has it");
    r = syscalls_confine(SYSCALLS_TALK, &why);
    measure_note_result(m, "signer_calls", r, &why,
                        "it makes no socket, thread or process: it answers the node, and no network reaches it");
}

static void child(int fd, const char *key_path) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "lull-signer", 0, 0, 0);
    signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C reaches both: the node says when it is over, by closing the socket */
    signal(SIGTERM, SIG_IGN);
    secret_harden_process();
    /* Whatever else this process had open is not the signer's, other signers' sockets included: one that it kept open would
     * never see its own node end. */
    if (dup2(fd, SIGNER_FD) != SIGNER_FD || close_range(SIGNER_FD + 1, ~0U, 0) != 0) _exit(1);
    fd = SIGNER_FD;
    uint8_t public_key[32], *seed = secret_alloc(SEED_BYTES), *secret = secret_alloc(SIGN_SECRET_BYTES);
    struct hello hello = {.err = seed && secret ? 0 : ERR_NOMEM};
    if (hello.err == 0) hello.err = load_seed(key_path, seed, &hello.why);
    if (hello.err == 0) sign_keypair(public_key, secret, seed);
    secret_free(seed);
    if (hello.err == 0) confine(&hello.measures);
    if (send(fd, &hello, sizeof hello, MSG_NOSIGNAL) == (ssize_t)sizeof hello && hello.err == 0) serve(fd, secret);
    secret_free(secret);
    _exit(0);
}

static int hear_hello(int fd, struct measures *m, struct why *why) {
    struct hello hello;
    ssize_t got;
    do got = recv(fd, &hello, sizeof hello, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof hello) return why_set(why, ERR_LOST, "the signer process does not start");
    hello.why.text[sizeof hello.why.text - 1] = 0;
    if (m) measures_add(m, &hello.measures);
    return hello.err == 0 ? 0 : why_set(why, hello.err, "%s", why_text(&hello.why, hello.err));
}

/* One request and its reply of n bytes. */
static int ask(struct signer *s, const struct writer *w, uint8_t *out, size_t n) {
    uint8_t reply[SIGNER_REPLY_MAX + 1];
    if (w->err) return w->err;
    if (s->fd < 0 || send(s->fd, w->p, w->len, MSG_NOSIGNAL) != (ssize_t)w->len) return ERR_LOST;
    ssize_t got;
    do got = recv(s->fd, reply, sizeof reply, 0);
    while (got < 0 && errno == EINTR);
    return got <= 0 ? ERR_LOST : signer_reply_read(reply, (size_t)got, out, n);
}

int signer_start(struct signer *s, const struct data_dir *dir, struct measures *m, struct why *why) {
    char path[600];
    uint8_t request[SIGNER_REQUEST_MAX];
    int fds[2];
    *s = (struct signer){.fd = -1};
    int r = data_dir_file(dir, "identity.key", path, sizeof path);
    if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        r = why_set(why, ERR_IO, "socketpair: %s", strerror(errno));
    if (r != 0) return r;
    s->pid = fork();
    if (s->pid == 0) {
        child(fds[1], path);
    }
    close(fds[1]);
    s->fd = fds[0];
    struct timeval wait = {.tv_sec = REPLY_WAIT_S};
    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    struct writer w = writer_over(request, sizeof request);
    signer_ask_public(&w);
    r = s->pid < 0 ? why_set(why, ERR_IO, "fork: %s", strerror(errno)) : hear_hello(s->fd, m, why);
    if (r == 0 && (r = ask(s, &w, s->identity, sizeof s->identity)) != 0)
        (void)why_set(why, r, "the signer process does not answer");
    if (r != 0) signer_stop(s);
    return r;
}

int signer_sign_record(struct signer *s, struct record *record) {
    uint8_t request[SIGNER_REQUEST_MAX];
    struct writer w = writer_over(request, sizeof request);
    signer_ask_record(&w, record);
    return ask(s, &w, record->sig, SIGN_BYTES);
}

int signer_sign_link(struct signer *s, const uint8_t exporter[LINK_EXPORTER_BYTES], uint8_t proof[SIGN_BYTES]) {
    uint8_t request[SIGNER_REQUEST_MAX];
    struct writer w = writer_over(request, sizeof request);
    signer_ask_link(&w, exporter);
    return ask(s, &w, proof, SIGN_BYTES);
}

void signer_stop(struct signer *s) {
    if (s->fd >= 0) close(s->fd);
    if (s->pid > 0) waitpid(s->pid, NULL, 0);
    *s = (struct signer){.fd = -1};
}
