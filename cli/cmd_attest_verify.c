/* cli/cmd_attest_verify.c - `lull attest verify`: an envelope, or one raw piece of evidence. The exit status is the verdict:
 * 0 ok, 10 invalid, 20 refused, 30 unsupported or malformed, 40 internal; 2 is a command line that cannot be followed, or a file named in
 * it that cannot be read, and no verdict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/opt.h"
#include "base/wire.h"
#include "cli/attest_piece.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "evidence/tlog_bundle.h"
#include "seal/record.h"
#include "seal/seal_err.h"

enum { NONCE_BYTES_MAX = 128 };

struct asked {
    struct piece_names piece;
    struct opt_list activated;
    const char *file, *nonce, *policy, *at, *record, *keys, *exporter, *release;
    uint32_t channel;
    uint64_t log_size;
    int json, tls;
};
struct known { /* what has been read of it */
    int64_t at;
    struct ev_policy *own_policy;
    const struct ev_policy *policy; /* NULL: there is one, and it cannot be read */
    uint8_t nonce[NONCE_BYTES_MAX], exporter[32], key_hash[32], operator_id[32];
    size_t nonce_n;
    uint8_t seal_key[32];
    int has_p256; /* seal_key is a TPM's kind */
    struct tpm_pair pair[OPT_LIST_MAX];
    struct tpm_activated activated;
    uint8_t evidence_hash[32]; /* of the record; zeros: it names none */
    char engine_id[ENGINE_ID_BYTES];
    struct buf release;         /* a proof from the log */
    int has_key_hash, keys_err; /* keys_err: what is wrong with record or key statement */
    struct why policy_why;
};

/* ---- the user's part: a failure here is no verdict ---- */

/* What the node says of its keys. The file must be readable; what is in it is the node's, so that it is wrong is a verdict. */
static int read_keys(const struct asked *a, struct known *k, struct why *why) {
    const char *path = a->record ? a->record : a->keys;
    struct buf b;
    static struct record record;
    struct keystmt keys;
    if (!path) return 0;
    int r = attest_file(&b, path, 65536, why);
    if (r != 0) return r;
    struct reader in = reader_over(b.data, b.len);
    if (a->record) {
        r = record_read(&in, &record);
        if (r == 0) r = record_verify(&record, (uint64_t)k->at);
        keys = record.keys;
        memcpy(k->evidence_hash, record.evidence_hash, 32);
    } else {
        r = keystmt_read(&in, &keys);
        if (r == 0) r = keystmt_check_time(&keys, (uint64_t)k->at);
    }
    k->keys_err = r;
    k->has_key_hash = r == 0;
    if (r == 0) {
        keystmt_id(k->key_hash, &keys);
        memcpy(k->operator_id, keys.operator_id, 32);
        memcpy(k->engine_id, keys.engine_id, sizeof k->engine_id);
        memcpy(k->seal_key, keys.seal_key, 32);
        k->has_p256 = keys.kem == HPKE_P256;
    }
    buf_release(&b);
    return 0;
}

/* "EK:AK", each in hexadecimal digits. */
static int read_activated(const struct asked *a, struct known *k, struct why *why) {
    for (size_t i = 0; i < a->activated.count; i++) {
        const char *text = a->activated.item[i], *colon = strchr(text, ':');
        struct tpm_pair *p = &k->pair[i];
        if (!colon || hex_decode(p->ek_digest, 32, text, (size_t)(colon - text)) != 0 ||
            hex_decode(p->ak_name, TPM_NAME_BYTES, colon + 1, strlen(colon + 1)) != 0)
            return why_set(why, ERR_USAGE,
                           "--activated: takes SHA-256 of the EK, a colon, and the AK's name, in hexadecimal digits");
    }
    k->activated = (struct tpm_activated){.count = (unsigned)a->activated.count, .pair = k->pair};
    return 0;
}

static int check_form(const struct asked *a, struct why *why) {
    if (a->piece.kind && a->file) return why_set(why, ERR_USAGE, "either FILE, an envelope, or --kind with --evidence");
    if (!a->piece.kind && !a->file) return why_set(why, ERR_USAGE, "needs FILE, an envelope, or --kind with --evidence");
    if (a->piece.kind && !a->piece.evidence) return why_set(why, ERR_USAGE, "--kind needs --evidence");
    if (a->piece.kind && piece_names_check(&a->piece, why) != 0) return ERR_USAGE;
    if (a->file && (a->piece.evidence || a->piece.chain.count || a->piece.key || a->piece.collateral || a->piece.event_log))
        return why_set(why, ERR_USAGE,
                       "--evidence, --chain, --key, --collateral and --event-log go with --kind: an envelope brings its own");
    if (a->piece.kind &&
        (a->record || a->keys || a->exporter || a->tls || a->channel || a->log_size || a->activated.count || a->release))
        return why_set(
            why, ERR_USAGE,
            "--record, --keys, --channel, --exporter, --tls, --activated, --log-size and --release go with an envelope");
    if (a->record && a->keys) return why_set(why, ERR_USAGE, "either --record or --keys");
    return 0;
}

static int read_options(const struct asked *a, struct known *k, struct why *why) {
    size_t n = 0;
    int unreadable = 0, r = check_form(a, why);
    k->at = (int64_t)clock_unix_s();
    if (r == 0 && a->at) r = attest_time_read(&k->at, a->at, why);
    if (r == 0 && a->nonce) r = attest_hex(k->nonce, sizeof k->nonce, &k->nonce_n, "nonce", a->nonce, why);
    if (r == 0 && a->file && a->nonce && k->nonce_n != EV_NONCE_BYTES)
        r = why_set(why, ERR_USAGE, "--nonce: an envelope's nonce has %d bytes", EV_NONCE_BYTES);
    if (r == 0 && a->exporter) r = attest_hex(k->exporter, sizeof k->exporter, &n, "exporter", a->exporter, why);
    if (r == 0 && a->exporter && n != sizeof k->exporter) r = why_set(why, ERR_USAGE, "--exporter: takes 32 bytes");
    if (r == 0) r = read_activated(a, k, why);
    if (r == 0) r = read_keys(a, k, why);
    if (r != 0) return r;
    k->policy = attest_policy_of(a->policy, &k->own_policy, &unreadable, &k->policy_why);
    return unreadable ? why_set(why, ERR_USAGE, "%.200s", k->policy_why.text) : 0;
}

/* All is good, or good but that the policy wants another class: then it is told which one this is. */
static int only_class(const struct ev_report *r) {
    for (unsigned i = 0; i < r->factors; i++)
        if (!r->factor[i].ok && strcmp(r->factor[i].name, "class") != 0) return 0;
    return 1;
}

/* ---- one piece ---- */

static void judge_piece(const struct asked *a, const struct known *k, const struct piece *p, struct ev_report *r) {
    struct ev_input in = piece_input(p, k->policy, k->at);
    in.nonce = (struct ev_bytes){k->nonce, k->nonce_n};
    ev_verify(ev_kind_named(a->piece.kind), &in, r);
    /* one piece shows no class by itself, it is bound to no keys: the policy's list counts only where the user wrote one */
    if (k->policy->classes_given && ev_report_verdict(r) == EV_OK && r->best != EV_CLASS_NONE)
        ev_check(r, "class", ev_policy_accepts(k->policy, r->best), EV_REFUSED,
                 "it shows at best %s, which the policy does not accept", ev_class_name(r->best));
}

static void refuse_policy(const struct known *k, struct ev_report *r) {
    ev_fail(r, "policy", EV_REFUSED, "under a policy that cannot be read nothing is accepted: %.100s", k->policy_why.text);
}

static int verify_piece(const struct asked *a, const struct known *k, struct why *why) {
    static struct ev_report r;
    struct piece p;
    int e = piece_read(&p, &a->piece, &r, why);
    if (e == 0 && r.factors == 0) {
        if (k->policy)
            judge_piece(a, k, &p, &r);
        else
            refuse_policy(k, &r);
    }
    piece_release(&p);
    if (e != 0) return EXIT_USAGE;
    struct attest_found f = {.verdict = ev_report_verdict(&r),
                             .kind = a->piece.kind,
                             .whole = &r,
                             .at = k->at,
                             .at_is_clock = !a->at,
                             .policy = k->policy};
    f.shows = only_class(&r) ? r.best : EV_CLASS_NONE;
    attest_say(&f, a->json);
    return (int)f.verdict;
}

/* ---- an envelope ---- */

/* A record names the envelope that was made ahead; one for the caller's own nonce is made later, and no record can name it. */
static void check_keys(const struct asked *a, const struct known *k, const struct buf *file, struct ev_envelope_report *r) {
    static const uint8_t none[32];
    uint8_t digest[32];
    if (a->record || a->keys)
        ev_check(&r->whole, a->record ? "record" : "keys", k->keys_err == 0,
                 seal_err_malformed(k->keys_err) ? EV_UNSUPPORTED : EV_INVALID, "the node's %s: %s",
                 a->record ? "record" : "key statement", seal_err_text(k->keys_err));
    if (a->record && k->keys_err == 0 && !a->nonce && memcmp(k->evidence_hash, none, 32) != 0) {
        sha256_of(digest, file->data, file->len);
        ev_check(&r->whole, "evidence_hash", memcmp(digest, k->evidence_hash, 32) == 0, EV_INVALID,
                 "the record names another envelope");
    }
    if (!only_class(&r->whole)) r->shows = EV_CLASS_NONE;
}

static int verify_envelope(const struct asked *a, struct known *k, struct why *why) {
    struct ev_envelope_report *r = ev_envelope_report_new();
    struct buf file;
    if (!r) return EV_INTERNAL;
    int e = piece_file(&file, a->file, ATTEST_FILE_BYTES_MAX, 0, &r->whole, why);
    if (e == 0) e = piece_file(&k->release, a->release, TLOG_BUNDLE_FILE_MAX, 0, &r->whole, why);
    if (e == 0 && a->release && k->release.len == 0) /* which would count as none given */
        ev_fail(&r->whole, "release", EV_UNSUPPORTED, "an empty file is no proof");
    const struct ev_expected want = {.key_hash = k->has_key_hash ? k->key_hash : NULL,
                                     .nonce = a->nonce ? k->nonce : NULL,
                                     .channel = a->channel,
                                     .x = a->exporter ? k->exporter : NULL,
                                     .tls = a->tls,
                                     .seal_key = k->has_p256 ? k->seal_key : NULL,
                                     .activated = &k->activated,
                                     .operator_id = k->has_key_hash ? k->operator_id : NULL,
                                     .log_size_seen = a->log_size,
                                     .release = {k->release.data, k->release.len},
                                     .engine_id = k->has_key_hash ? k->engine_id : NULL,
                                     .policy = k->policy,
                                     .now = k->at};
    if (e == 0 && r->whole.factors == 0) {
        if (k->policy)
            ev_envelope_verify(file.data, file.len, &want, r);
        else
            refuse_policy(k, &r->whole);
        check_keys(a, k, &file, r);
    }
    struct attest_found f = {.verdict = ev_envelope_verdict(r),
                             .shows = r->shows,
                             .kind = "envelope",
                             .whole = &r->whole,
                             .members = r->members,
                             .member = r->member,
                             .at = k->at,
                             .at_is_clock = !a->at,
                             .policy = k->policy};
    if (e == 0) attest_say(&f, a->json);
    buf_release(&file);
    buf_release(&k->release);
    ev_envelope_report_free(r);
    return e == 0 ? (int)f.verdict : EXIT_USAGE;
}

int attest_verify(int argc, char **argv) {
    static struct asked a;
    const struct opt rows[] = {
        {"kind", OPT_TEXT, &a.piece.kind, "KIND", "one raw piece: sev-snp, tdx, tpm-quote, apple-mda, nvidia-gpu, aws-nitro", 0,
         0},
        {"evidence", OPT_TEXT, &a.piece.evidence, "FILE", "with --kind: the piece, in binary, in hexadecimal digits or in base64", 0, 0},
        {"chain", OPT_LIST, &a.piece.chain, "FILE", "with --kind: certificates, PEM or DER; up to eight files", 0, 0},
        {"key", OPT_TEXT, &a.piece.key, "FILE", "with --kind: a public key (of the TPM's AK, of the Secure Enclave)", 0, 0},
        {"collateral", OPT_TEXT, &a.piece.collateral, "FILE", "with --kind: what the manufacturer publishes beside it", 0, 0},
        {"event-log", OPT_TEXT, &a.piece.event_log, "FILE",
         "with --kind tdx: the firmware's log (CCEL), which must give the RTMRs", 0, 0},
        {"nonce", OPT_TEXT, &a.nonce, "HEX", "what it must have been made for", 0, 0},
        {"record", OPT_TEXT, &a.record, "FILE", "with an envelope: the node's record, whose keys it must be bound to", 0, 0},
        {"keys", OPT_TEXT, &a.keys, "FILE", "with an envelope: the same, from a key statement alone", 0, 0},
        {"channel", OPT_U32, &a.channel, "N", "with an envelope: 0 through a coordinator, 1 over a TLS session with the node (0)",
         0, 1},
        {"exporter", OPT_TEXT, &a.exporter, "HEX", "channel 1: the session's exporter value, 32 bytes", 0, 0},
        {"tls", OPT_FLAG, &a.tls, NULL, "there is such a session: channel 0 is refused", 0, 0},
        {"activated", OPT_LIST, &a.activated, "EK:AK",
         "with an envelope: a TPM that you have challenged yourself: SHA-256 of its EK, name of its AK", 0, 0},
        {"log-size", OPT_U64, &a.log_size, "N", "size of the largest checkpoint seen before; smaller ones are refused", 0, 0},
        {"release", OPT_TEXT, &a.release, "FILE",
         "with an envelope: a proof (lull log prove) of the release that must run; the policy names the log", 0, 0},
        {"policy", OPT_TEXT, &a.policy, "FILE", "what is accepted; else the built-in policy", 0, 0},
        {"at", OPT_TEXT, &a.at, "TIME",
         "judge dates at this time, in seconds since 1970 or as 2026-11-25T10:00:00Z; else by the clock", 0, 0},
        {"json", OPT_FLAG, &a.json, NULL, "one JSON line", 0, 0},
        {0}};
    struct command_line line = {.command = "attest verify",
                                .arguments = "[FILE]",
                                .opts = rows,
                                .args_min = 0,
                                .args_max = 1,
                                .about = "Checks evidence offline: an envelope, or one raw piece. Exit 0: ok, 10: invalid, 20: "
                                         "genuine but refused by the policy,\n"
                                         "30: unsupported or malformed, 40: internal; 2: the command line, or a file it names, "
                                         "cannot be read, and there is no verdict.\n"
                                         "--json prints one line: verdict, class, who_could_read, kind, factors (name, ok, why), "
                                         "unchecked, facts, at, at_source, policy."};
    static struct known k;
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) a.file = line.args[0];
    if (r == 0) r = read_options(&a, &k, &why);
    int status = r != 0 ? EXIT_USAGE : a.piece.kind ? verify_piece(&a, &k, &why) : verify_envelope(&a, &k, &why);
    if (why.text[0] || r != 0) fprintf(stderr, "lull attest verify: %s\n", why_text(&why, r));
    ev_policy_free(k.own_policy);
    int written = status == EXIT_USAGE ? 0 : terminal_output_end("attest verify");
    return written != 0 ? written : status;
}
