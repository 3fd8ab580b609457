/* node/signer_proc.c - see signer_proc.h. Messages are seal/signer.h's, one packet each way. */
#include "node/signer_proc.h"
#include "base/clock.h"
#include "base/landlock.h"
#include "base/secret.h"
#include "base/syscalls.h"
#include "seal/signer.h"

#include <string.h>

enum { SEED_BYTES = 32, REPLY_WAIT_S = 5 };

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
static void serve(const uint8_t secret[SIGN_SECRET_BYTES]) {
    uint8_t request[SIGNER_REQUEST_MAX], reply[SIGNER_REPLY_MAX];
    for (size_t n; child_proc_hear_some(CHILD_FD, request, sizeof request, &n) == 0;) {
        size_t len = signer_handle(secret, clock_unix_s(), request, n, reply);
        if (child_proc_say(CHILD_FD, reply, len) != 0) return;
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

static void run(void *key_path) {
    uint8_t public_key[32], *seed = secret_alloc(SEED_BYTES), *secret = secret_alloc(SIGN_SECRET_BYTES);
    struct hello hello = {.err = seed && secret ? 0 : ERR_NOMEM};
    if (hello.err == 0) hello.err = load_seed(key_path, seed, &hello.why);
    if (hello.err == 0) sign_keypair(public_key, secret, seed);
    secret_free(seed);
    if (hello.err == 0) confine(&hello.measures);
    if (child_proc_say(CHILD_FD, &hello, sizeof hello) == 0 && hello.err == 0) serve(secret);
    secret_free(secret);
}

static int hear_hello(int fd, struct measures *m, struct why *why) {
    struct hello hello;
    if (child_proc_hear(fd, &hello, sizeof hello) != 0) return why_set(why, ERR_LOST, "the signer process does not start");
    hello.why.text[sizeof hello.why.text - 1] = 0;
    if (m) measures_add(m, &hello.measures);
    return hello.err == 0 ? 0 : why_set(why, hello.err, "%s", why_text(&hello.why, hello.err));
}

/* One request and its reply of n bytes. */
static int ask(struct signer *s, const struct writer *w, uint8_t *out, size_t n) {
    uint8_t reply[SIGNER_REPLY_MAX + 1];
    size_t got;
    if (w->err) return w->err;
    int r = child_proc_say(s->child.fd, w->p, w->len);
    if (r == 0) r = child_proc_hear_some(s->child.fd, reply, sizeof reply, &got);
    return r == 0 ? signer_reply_read(reply, got, out, n) : r;
}

int signer_start(struct signer *s, const struct data_dir *dir, struct measures *m, struct why *why) {
    char path[600];
    uint8_t request[SIGNER_REQUEST_MAX];
    *s = (struct signer){.child.fd = -1};
    int r = data_dir_file(dir, "identity.key", path, sizeof path);
    if (r == 0) r = child_proc_start(&s->child, "lull-signer", run, path, why);
    if (r != 0) return r;
    struct writer w = writer_over(request, sizeof request);
    signer_ask_public(&w);
    child_proc_wait(&s->child, REPLY_WAIT_S);
    r = hear_hello(s->child.fd, m, why);
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

void signer_stop(struct signer *s) { child_proc_stop(&s->child); }
