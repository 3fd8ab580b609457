/* cli/cmd_log_verify.c - `lull log verify`: the client's rule over one proof, offline. The exit status is the verdict, as lull attest's:
 * 0 ok, 10 invalid, 20 refused, 30 unsupported or malformed, 40 internal; 2 a command line that cannot be followed. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/opt.h"
#include "cli/attest.h"
#include "cli/cli.h"
#include "cli/log_cmd.h"
#include "cli/terminal.h"

struct asked {
    const char *key, *kept, *at, *proof;
    struct opt_list witness;
    uint32_t k;
    int json;
};
struct known {
    struct log_policy trust;
    struct tlog_kept kept;
    struct buf proof;
    int64_t now;
    int lock_fd;
};

/* ---- what is kept ---- */

/* Two that read, judged and wrote at once could put an older tree over a newer one. */
static int lock_kept(struct known *k, const char *path, struct why *why) {
    char lock[LOG_PATH_BYTES];
    if (snprintf(lock, sizeof lock, "%s.lock", path) >= (int)sizeof lock) return why_set(why, ERR_USAGE, "--kept: path too long");
    k->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (k->lock_fd < 0 || flock(k->lock_fd, LOCK_EX) != 0) return why_set(why, ERR_USAGE, "%.250s: cannot be locked", lock);
    return 0;
}

/* A file that is there and cannot be read is not a first time: whoever can spoil it could lead the client back. */
static int read_kept(struct known *k, const char *path, struct why *why) {
    struct buf b;
    struct why own = {{0}};
    int r = lock_kept(k, path, why);
    if (r == 0) r = file_read(&b, path, TLOG_KEPT_BYTES_MAX, &own);
    if (r == ERR_NOTFOUND) return 0;
    if (r != 0) return why_set(why, ERR_USAGE, "%.250s", why->text[0] ? why->text : own.text);
    r = tlog_kept_read(&k->kept, (struct ev_bytes){b.data, b.len});
    buf_release(&b);
    return r == 0 ? 0 : why_set(why, ERR_USAGE, "%.250s: not what this command keeps", path);
}

static int write_kept(const struct tlog_kept *next, const struct known *k, const char *path, struct why *why) {
    struct buf b;
    if (memcmp(next, &k->kept, sizeof *next) == 0 || next->size == 0) return 0;
    int r = tlog_kept_text(&b, next);
    if (r == 0) r = file_write(path, b.data, b.len, 0600, why);
    buf_release(&b);
    return r;
}

static int read_options(const struct asked *a, struct known *k, struct ev_report *report, struct why *why) {
    k->now = (int64_t)clock_unix_s();
    int r = a->witness.count ? log_trust_read(&k->trust, a->key, &a->witness, a->k, why)
                             : why_set(why, ERR_USAGE, "needs --witness KEY");
    if (r == 0 && a->at) r = attest_time_read(&k->now, a->at, why);
    if (r == 0 && a->kept) r = read_kept(k, a->kept, why);
    if (r != 0) return r;
    struct why own = {{0}};
    r = attest_file(&k->proof, a->proof, TLOG_BUNDLE_FILE_MAX, &own);
    if (r == ERR_LIMIT) return ev_fail(report, "proof_form", EV_UNSUPPORTED, "over %d bytes", TLOG_BUNDLE_FILE_MAX);
    return r == 0 ? 0 : why_set(why, ERR_USAGE, "%.250s", why_text(&own, r));
}

/* ---- what was found ---- */

static json_t *leaf_json(const struct tlog_answer *a) {
    char hash[65], digest[65];
    hex_encode(hash, a->leaf.hash.b, 32);
    hex_encode(digest, a->leaf.digest, 32);
    json_t *j = json_pack("{s:s,s:s,s:I}", "type", tlog_leaf_type_name(a->leaf.type), "hash", hash, "index",
                          (json_int_t)a->index);
    if (a->leaf.name[0]) json_object_set_new(j, "name", json_string(a->leaf.name));
    if (a->leaf.version[0]) json_object_set_new(j, "version", json_string(a->leaf.version));
    if (a->leaf.name[0]) json_object_set_new(j, "digest", json_string(digest));
    return j;
}

static void say_json(const struct ev_report *r, const struct tlog_answer *a, int64_t now) {
    json_t *factors = json_array();
    for (unsigned i = 0; i < r->factors; i++) {
        const struct ev_factor *f = &r->factor[i];
        json_t *one = json_pack("{s:s,s:b,s:o}", "name", f->name, "ok", f->ok, "why", attest_text(f->why));
        if (!f->ok) json_object_set_new(one, "makes", json_string(ev_verdict_name(f->as)));
        json_array_append_new(factors, one);
    }
    json_t *all = json_pack("{s:s,s:o,s:I}", "verdict", ev_verdict_name(ev_report_verdict(r)), "factors", factors, "at",
                            (json_int_t)now);
    if (ev_report_verdict(r) == EV_OK) json_object_set_new(all, "leaf", leaf_json(a));
    json_object_set_new(all, "size", json_integer((json_int_t)a->next.size));
    log_say(all);
}

static void say_plain(const struct ev_report *r, const struct tlog_answer *a) {
    char text[256];
    attest_line("", "verdict", ev_verdict_name(ev_report_verdict(r)));
    for (unsigned i = 0; i < r->factors; i++) {
        snprintf(text, sizeof text, "%s%s%s", r->factor[i].ok ? "ok" : ev_verdict_name(r->factor[i].as),
                 r->factor[i].ok ? "" : ": ", r->factor[i].why);
        attest_line("", r->factor[i].name, text);
    }
    if (ev_report_verdict(r) != EV_OK) return;
    attest_line("", "leaf", tlog_leaf_type_name(a->leaf.type));
    if (a->leaf.name[0]) attest_line("", "name", a->leaf.name);
    if (a->leaf.version[0]) attest_line("", "version", a->leaf.version);
}

static int judge(const struct asked *a, struct known *k, struct ev_report *report, struct why *why) {
    static struct tlog_answer answer;
    struct tlog_question q = {.trust = &k->trust, .kept = &k->kept, .bundle = {k->proof.data, k->proof.len}, .now = k->now};
    int r = report->factors == 0 ? tlog_judge(&q, &answer, report) : 0;
    if (r == 0 && a->kept) r = write_kept(&answer.next, k, a->kept, why); /* before anything is said */
    if (r != 0) ev_fail(report, "kept", EV_INTERNAL, "%.120s", why_text(why, r));
    if (a->json)
        say_json(report, &answer, k->now);
    else
        say_plain(report, &answer);
    return (int)ev_report_verdict(report);
}

int log_verify(int argc, char **argv) {
    static struct asked a;
    static struct known k;
    static struct ev_report report;
    const struct opt rows[] = {
        {"key", OPT_TEXT, &a.key, "KEY", "the log's verifier key, whose name is its origin", 0, 0},
        {"witness", OPT_LIST, &a.witness, "KEY", "a witness's verifier key; repeat it", 0, 0},
        {"k", OPT_U32, &a.k, "N", "how many of them must have signed (all)", 1, EV_WITNESSES_MAX},
        {"kept", OPT_TEXT, &a.kept, "FILE", "what was seen of this log before; read, and replaced by what is seen now", 0, 0},
        {"at", OPT_TEXT, &a.at, "TIME", "judge at this time, in seconds since 1970 or as 2026-11-25T10:00:00Z; else by the clock",
         0, 0},
        {"json", OPT_FLAG, &a.json, NULL, "one JSON line", 0, 0},
        {0}};
    struct command_line line = {
        .command = "log verify",
        .arguments = "PROOF",
        .opts = rows,
        .args_min = 1,
        .args_max = 1,
        .about = "Checks offline that an entry is in the log and in force: in a tree that the witnesses have signed "
                 "within 24 hours, grown\nout of the one kept, listed by a state in date. Exit 0: ok, 10: invalid, "
                 "20: refused, 30: unsupported or malformed, 40: internal."};
    struct why why = {{0}};
    k.lock_fd = -1;
    buf_init(&k.proof, 0);
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) a.proof = line.args[0];
    if (r == 0) r = read_options(&a, &k, &report, &why);
    int status = r != 0 ? EXIT_USAGE : judge(&a, &k, &report, &why);
    if (r != 0) fprintf(stderr, "lull log verify: %s\n", why_text(&why, r));
    buf_release(&k.proof);
    if (k.lock_fd >= 0) close(k.lock_fd);
    int written = r != 0 ? 0 : terminal_output_end("log verify");
    return written != 0 ? written : status;
}
