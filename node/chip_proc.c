/* node/chip_proc.c - see chip_proc.h. One packet asks, one answers; both ends are the same program, so whole structs travel. */
#ifdef LULL_TPM
#include "node/chip_proc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child_proc.h"
#include "base/hash.h"
#include "base/landlock.h"
#include "base/mem.h"
#include "base/syscalls.h"

enum asked { ASK_ECDH, ASK_PROVE, ASK_ACTIVATE };
enum { CREDENTIAL_MAX = 512, QUOTE_TRIES = 5 };
struct question {
    enum asked what;
    uint32_t pcrs;
    uint8_t point[65], extra[CHIP_DIGEST];
    uint8_t credential[CREDENTIAL_MAX]; /* both parts, one behind the other */
    size_t id_n, encrypted_n;
};
struct answer {
    int err;
    struct why why;
    uint8_t secret[CHIP_SECRET_MAX];
    size_t secret_n;
    struct chip_proof proof;
};
struct hello {
    int err;
    struct why why;
    struct measures measures;
    struct chip_public shown;
};
struct how {
    const char *tcti;
    uint32_t boot_pcrs;
};
struct chip_proc {
    struct child_proc child;
    struct chip_public shown;
};

/* ---- the child ---- */

/* A quote ends with the digest of the values that it is of. */
static int values_are_quoted(const struct chip_proof *p) {
    uint8_t digest[32];
    sha256_of(digest, p->pcrs, p->pcr_count * sizeof *p->pcrs);
    return p->quote.n > 32 && memcmp(p->quote.p + p->quote.n - 32, digest, 32) == 0;
}

/* Values and quote are two commands, and each program that starts moves PCR 10. */
static int quote(struct chip *c, const struct question *q, struct chip_proof *p, struct why *why) {
    for (int i = 0; i < QUOTE_TRIES; i++) {
        int r = chip_read_pcrs(c, q->pcrs, p->pcrs, &p->pcr_count, why);
        if (r == 0) r = chip_quote(c, q->pcrs, q->extra, &p->quote, &p->quote_signature, why);
        if (r != 0 || values_are_quoted(p)) return r;
    }
    return why_set(why, ERR_BUSY, "TPM: its registers change between reading and quoting, %d times", QUOTE_TRIES);
}

static int prove(struct chip *c, const struct question *q, struct chip_proof *p, struct why *why) {
    int r = quote(c, q, p, why);
    if (r == 0) r = chip_certify_seal(c, q->extra, &p->birth, &p->birth_signature, why);
    return r;
}

static int answer(struct chip *c, const struct question *q, struct answer *a) {
    if (q->what == ASK_ECDH) return chip_ecdh(c, a->secret, q->point);
    if (q->what == ASK_PROVE) return prove(c, q, &a->proof, &a->why);
    return chip_activate(c, q->credential, q->id_n, q->credential + q->id_n, q->encrypted_n, a->secret, &a->secret_n, &a->why);
}

static void serve(struct chip *c) {
    static struct answer a; /* large; one question at a time */
    struct question q;
    int said = 0;
    while (said == 0 && child_proc_hear(CHILD_FD, &q, sizeof q) == 0) {
        memset(&a, 0, sizeof a);
        a.err = answer(c, &q, &a);
        said = child_proc_say(CHILD_FD, &a, sizeof a);
        mem_wipe(&a, sizeof a);
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

/* However the node ends, the chip is left empty: keys that stay in one without a resource manager fill it. */
static void run(void *arg) {
    static struct hello hello;
    const struct how *how = arg;
    struct chip *c = NULL;
    hello.err = chip_open(&c, how->tcti, &hello.why);
    if (hello.err == 0) hello.err = chip_make_keys(c, how->boot_pcrs, &hello.why);
    if (hello.err == 0) {
        confine(how->tcti, &hello.measures);
        hello.shown = *chip_public(c);
    }
    if (child_proc_say(CHILD_FD, &hello, sizeof hello) == 0 && hello.err == 0) serve(c);
    chip_close(c);
}

/* ---- the node's side ---- */

static int hear_hello(struct chip_proc *p, struct measures *m, struct why *why) {
    static struct hello h;
    if (child_proc_hear(p->child.fd, &h, sizeof h) != 0)
        return why_set(why, ERR_LOST, "the TPM does not answer, or its process does not start");
    h.why.text[sizeof h.why.text - 1] = 0;
    if (h.err != 0) return why_set(why, h.err, "%s", why_text(&h.why, h.err));
    p->shown = h.shown;
    measures_add(m, &h.measures);
    return 0;
}

int chip_proc_start(struct chip_proc **out, const char *tcti, uint32_t boot_pcrs, struct measures *m, struct why *why) {
    struct how how = {tcti, boot_pcrs};
    *out = NULL;
    struct chip_proc *p = mem_zalloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    int r = child_proc_start(&p->child, "lull-tpm", run, &how, why);
    if (r == 0) {
        child_proc_wait(&p->child, CHIP_CHILD_WAIT_S);
        r = hear_hello(p, m, why);
        child_proc_wait(&p->child, CHIP_WAIT_S);
    }
    if (r == 0)
        *out = p;
    else
        chip_proc_stop(p);
    return r;
}

void chip_proc_stop(struct chip_proc *p) {
    if (!p) return;
    child_proc_stop(&p->child);
    free(p);
}

const struct chip_public *chip_proc_public(const struct chip_proc *p) { return &p->shown; }

int chip_proc_ended(const struct chip_proc *p) { return child_proc_ended(&p->child); }

/* After a late answer the two would no longer be in step, so the process is given up. */
static int ask(struct chip_proc *p, const struct question *q, struct answer *a) {
    int r = child_proc_say(p->child.fd, q, sizeof *q);
    if (r == 0) r = child_proc_hear(p->child.fd, a, sizeof *a);
    if (r == 0) return a->err;
    if (p->child.fd >= 0) close(p->child.fd);
    p->child.fd = -1;
    return r;
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

/* What the child says of a failure, and nothing of the answer stays. */
static int finish(int r, struct answer *a, struct why *why) {
    if (r != 0) (void)why_set(why, r, "%s", r == ERR_LOST ? "the TPM does not answer" : why_text(&a->why, r));
    mem_wipe(a, sizeof *a);
    return r;
}

int chip_proc_prove(struct chip_proc *p, uint32_t pcrs, const uint8_t extra[CHIP_DIGEST], struct chip_proof *out,
                    struct why *why) {
    static struct answer a;
    struct question q = {.what = ASK_PROVE, .pcrs = pcrs};
    memcpy(q.extra, extra, sizeof q.extra);
    int r = ask(p, &q, &a);
    if (r == 0) *out = a.proof;
    return finish(r, &a, why);
}

int chip_proc_activate(struct chip_proc *p, const uint8_t *id_object, size_t id_n, const uint8_t *encrypted, size_t encrypted_n,
                       uint8_t secret[CHIP_SECRET_MAX], size_t *secret_n, struct why *why) {
    static struct answer a;
    struct question q = {.what = ASK_ACTIVATE, .id_n = id_n, .encrypted_n = encrypted_n};
    *secret_n = 0;
    if (id_n > CREDENTIAL_MAX || encrypted_n > CREDENTIAL_MAX - id_n)
        return why_set(why, ERR_LIMIT, "a credential is at most %d bytes", CREDENTIAL_MAX);
    memcpy(q.credential, id_object, id_n);
    memcpy(q.credential + id_n, encrypted, encrypted_n);
    int r = ask(p, &q, &a);
    if (r == 0) {
        memcpy(secret, a.secret, sizeof a.secret);
        *secret_n = a.secret_n;
    }
    return finish(r, &a, why);
}
#endif
