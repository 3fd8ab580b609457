/* Envelopes: reading and writing, caps, and what one shows: bound members, classes, channels, relays, splices. The manufacturers are
 * played by a verifier of the test: evidence is the binding value that it was made for, with one byte before it that says how it is. */
#include "base/file.h"
#include "base/hash.h"
#include "evidence/cbor.h"
#include "evidence/envelope_verify.h"
#include "tests/check.h"

enum { GOOD = 'g', BROKEN = 'b', FORBIDDEN = 'f' };
enum { PLAIN_BYTES = 1 + 64 }; /* of test evidence; SNP's has a size of its own */

static uint8_t wire[EV_ENVELOPE_BYTES_MAX + 1];
static struct ev_envelope env;
static struct ev_envelope_report *report;

/* ---- the test's manufacturers ---- */

static void played(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated, struct ev_report *out) {
    static const enum ev_class best[EV_KIND_END] = {
        [EV_SEV_SNP] = EV_T2, [EV_TDX] = EV_T2, [EV_AWS_NITRO] = EV_T2, [EV_TPM_QUOTE] = EV_T1, [EV_APPLE_MDA] = EV_A1};
    memset(out, 0, sizeof *out);
    out->best = best[kind];
    if (tpm_member_looks(in->evidence)) {
        struct tpm_member m;
        CHECK_INT(tpm_member_read(in->evidence, &m), 0);
        CHECK(in->enveloped);
        ev_unchecked(out, "event_log");
        ev_unchecked(out, "seal_key_statement");
        ev_check(out, "ak_not_activated", activated != NULL, EV_REFUSED, "nobody has challenged it");
        ev_check(out, "nonce", m.quote.n == in->nonce.n && memcmp(m.quote.p, in->nonce.p, m.quote.n) == 0, EV_INVALID,
                 "of another");
        return;
    }
    ev_check(out, "signature", in->evidence.p[0] == GOOD || in->evidence.p[0] == FORBIDDEN, EV_INVALID, "broken");
    ev_check(out, "debug", in->evidence.p[0] != FORBIDDEN, EV_REFUSED, "forbidden");
    if (kind == EV_NVIDIA_GPU) /* its own certificate is the last one here: they come in any order */
        ev_tell_hex(out, "gpu", in->chain[in->chain_count - 1].p, in->chain[in->chain_count - 1].n);
    if (in->nonce.n == 0)
        ev_unchecked(out, "nonce");
    else
        ev_check(out, "nonce", in->evidence.n > in->nonce.n && memcmp(in->evidence.p + 1, in->nonce.p, in->nonce.n) == 0,
                 EV_INVALID, "of another");
}
/* One that forgets to compare. */
static void careless(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated, struct ev_report *out) {
    (void)activated;
    memset(out, 0, sizeof *out);
    out->best = EV_T2;
    ev_check(out, "signature", kind != EV_KIND_NONE && in != NULL, EV_INVALID, " ");
    ev_unchecked(out, "nonce");
}

/* ---- making envelopes ---- */

struct maker {
    struct ev_bound bound;
    struct cmw c;
    struct ev_made made[EV_MEMBERS_MAX];
    unsigned mades;
    uint8_t space[EV_MEMBERS_MAX][4096];
};
static struct maker mk;

static void start(uint8_t nonce, uint8_t key, uint8_t channel, uint8_t x) {
    memset(&mk, 0, sizeof mk);
    memset(mk.bound.nonce, nonce, 32);
    memset(mk.bound.key_hash, key, 32);
    memset(mk.bound.x, x, 32);
    mk.bound.channel = channel;
    mk.c.form = CMW_COLLECTION;
    strcpy(mk.c.collection_type, EV_ENVELOPE_TYPE);
}
static struct cmw_item *item(const char *label, const char *type, const void *p, size_t n) {
    struct cmw_item *it = &mk.c.item[mk.c.items++];
    snprintf(it->label, sizeof it->label, "%s", label);
    snprintf(it->type, sizeof it->type, "%s", type);
    it->value = (struct ev_bytes){p, n};
    it->has_indicator = 1;
    it->indicator = CMW_EVIDENCE;
    return it;
}
/* A member of so many parts, bound to what was made before. */
static struct cmw_item *make_parts(enum ev_kind kind, int how, unsigned parts) {
    static uint8_t evidence[EV_MEMBERS_MAX][EV_PARTS_MAX + 1][1184];
    static uint8_t names[EV_PARTS_MAX + 1][1];
    struct ev_part part[EV_PARTS_MAX + 1];
    uint8_t b[64], digest[32];
    memset(part, 0, sizeof part);
    memset(evidence[mk.mades], 0, sizeof evidence[0]);
    ev_binding_long(b, &mk.bound, kind, mk.made, mk.mades);
    ev_binding_short(digest, b);
    for (unsigned i = 0; i < parts; i++) {
        uint8_t *e = evidence[mk.mades][i];
        e[0] = (uint8_t)how;
        memcpy(e + 1, ev_binding_size(kind) == 32 ? digest : b, ev_binding_size(kind));
        part[i].evidence = (struct ev_bytes){e, kind == EV_SEV_SNP ? 1184 : PLAIN_BYTES};
        names[i][0] = (uint8_t)i;
        part[i].cert[0] = (struct ev_bytes){names[i], 1};
        part[i].certs = 1;
    }
    struct writer w = writer_over(mk.space[mk.mades], sizeof mk.space[0]);
    ev_envelope_put_member(&w, part, parts);
    CHECK_INT(w.err, 0);
    mk.made[mk.mades].kind = kind;
    sha256_of(mk.made[mk.mades].digest, w.p, w.len);
    mk.mades++;
    return item(ev_slot_label(ev_slot_of(kind)), ev_envelope_media_type(kind), w.p, w.len);
}
static struct cmw_item *make(enum ev_kind kind) { return make_parts(kind, GOOD, 1); }
static size_t sealed(void) {
    struct writer w = writer_over(wire, sizeof wire);
    cmw_write_cbor(&w, &mk.c);
    CHECK_INT(w.err, 0);
    return w.len;
}

/* ---- judging them ---- */

static uint8_t nonce_7[32], key_5[32], x_9[32];
static struct ev_expected expected(void) {
    memset(nonce_7, 7, 32);
    memset(key_5, 5, 32);
    memset(x_9, 9, 32);
    if (!report) report = ev_envelope_report_new();
    return (struct ev_expected){.key_hash = key_5, .nonce = nonce_7, .policy = ev_policy_strict(), .now = 1795600000};
}
static enum ev_verdict judged(size_t n, const struct ev_expected *want) {
    ev_envelope_verify_with(wire, n, want, played, report);
    return ev_envelope_verdict(report);
}
static int failed(const char *name) { return ev_report_failed(&report->whole, name) != NULL; }
static int member_failed(unsigned i, const char *name) { return ev_report_failed(&report->member[i].report, name) != NULL; }

TEST(each_set_of_members_shows_its_class) {
    static const struct {
        enum ev_kind made[4];
        enum ev_class shows;
        enum ev_verdict verdict;
    } rows[] = {
        {{EV_KIND_NONE}, EV_T0, EV_REFUSED},
        {{EV_TPM_QUOTE}, EV_T1, EV_OK},
        {{EV_SEV_SNP}, EV_T2, EV_OK},
        {{EV_TDX}, EV_T2, EV_OK},
        {{EV_AWS_NITRO}, EV_T2, EV_OK},
        {{EV_NVIDIA_GPU, EV_SEV_SNP}, EV_T3, EV_OK},
        {{EV_NVIDIA_GPU, EV_TPM_QUOTE, EV_TDX}, EV_T3, EV_OK},
        {{EV_NVIDIA_GPU, EV_AWS_NITRO}, EV_T2, EV_OK}, /* an enclave has no GPU */
        {{EV_NVIDIA_GPU, EV_TPM_QUOTE}, EV_T1, EV_OK},
        {{EV_NVIDIA_GPU}, EV_T0, EV_REFUSED},
        {{EV_APPLE_MDA}, EV_A1, EV_REFUSED},
        {{EV_TPM_QUOTE, EV_SEV_SNP, EV_APPLE_MDA}, EV_T2, EV_OK},
    };
    const struct ev_expected want = expected();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start(7, 5, 0, 0);
        for (int k = 0; k < 4 && rows[i].made[k]; k++) make(rows[i].made[k]);
        if (mk.c.items == 0) item("software", EV_SOFTWARE_MEDIA_TYPE, "{\"a\":1}", 7);
        CHECK_INT(judged(sealed(), &want), rows[i].verdict);
        CHECK_INT(report->shows, rows[i].shows);
        CHECK_INT(failed("class"), rows[i].verdict == EV_REFUSED);
    }
}

TEST(a_class_below_the_policy_is_refused_and_one_in_it_is_not) {
    struct ev_expected want = expected();
    static const char t3[] = "{\"version\":1,\"classes\":[\"T3\"]}", t0[] = "{\"version\":1,\"classes\":[\"T0\",\"T1\"]}";
    struct ev_policy *only_t3 = ev_policy_read(t3, sizeof t3 - 1, NULL), *t0_too = ev_policy_read(t0, sizeof t0 - 1, NULL);
    CHECK(only_t3 && t0_too);
    start(7, 5, 0, 0);
    make(EV_SEV_SNP);
    size_t n = sealed();
    want.policy = only_t3;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(failed("class"));
    start(7, 5, 0, 0);
    item("software", EV_SOFTWARE_MEDIA_TYPE, "{}", 2);
    n = sealed();
    want.policy = t0_too;
    CHECK_INT(judged(n, &want), EV_OK);
    CHECK_INT(report->shows, EV_T0);
    CHECK_STR(report->whole.unchecked[0], "software");
    ev_policy_free(only_t3);
    ev_policy_free(t0_too);
}

TEST(another_nonce_key_or_channel_is_not_what_it_was_made_for) {
    struct ev_expected good = expected(), want;
    uint8_t other[32];
    memset(other, 6, 32);
    start(7, 5, 1, 9);
    make(EV_NVIDIA_GPU);
    make(EV_SEV_SNP);
    size_t n = sealed();
    good.channel = 1, good.x = x_9, good.tls = 1;
    CHECK_INT(judged(n, &good), EV_OK);
    for (int i = 0; i < 4; i++) {
        want = good;
        if (i == 0) want.nonce = other;
        if (i == 1) want.key_hash = other;
        if (i == 2) want.x = other;
        if (i == 3) want.channel = 0, want.x = NULL, want.tls = 0;
        CHECK_INT(judged(n, &want), EV_INVALID);
        CHECK(failed("cpu") && failed("gpu") && member_failed(0, "nonce") && member_failed(1, "nonce"));
        CHECK_INT(report->shows, EV_CLASS_NONE);
    }
}

/* Node B passes node A's evidence on. On channel 1 the sessions differ; on channel 0 the caller has B's key statement. */
TEST(evidence_of_one_node_presented_by_another_is_invalid) {
    struct ev_expected want = expected();
    uint8_t b_session[32], b_keys[32];
    memset(b_session, 0xbb, 32);
    memset(b_keys, 0xbb, 32);
    start(7, 5, 1, 9); /* made by A, for its session with B */
    make(EV_SEV_SNP);
    size_t n = sealed();
    want.channel = 1, want.tls = 1, want.x = b_session;
    CHECK_INT(judged(n, &want), EV_INVALID);
    start(7, 5, 0, 0); /* A's on channel 0 binds A's keys */
    make(EV_SEV_SNP);
    n = sealed();
    want = expected();
    want.key_hash = b_keys;
    CHECK_INT(judged(n, &want), EV_INVALID);
    CHECK(member_failed(0, "nonce"));
}

TEST(a_caller_with_a_tls_session_refuses_channel_0) {
    struct ev_expected want = expected();
    start(7, 5, 0, 0);
    make(EV_SEV_SNP);
    size_t n = sealed();
    want.tls = 1;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(failed("channel"));
    want = expected();
    want.channel = 1; /* without an exporter value */
    CHECK_INT(judged(n, &want), EV_REFUSED);
    want = expected();
    want.x = x_9;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    want = expected();
    want.channel = 2;
    CHECK_INT(judged(n, &want), EV_REFUSED);
}

TEST(without_a_nonce_or_a_key_statement_nothing_is_bound) {
    struct ev_expected want = expected();
    start(7, 5, 0, 0);
    make(EV_SEV_SNP);
    size_t n = sealed();
    want.nonce = NULL;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(failed("nonce") && !failed("cpu"));
    CHECK_STR(report->member[0].report.unchecked[0], "nonce");
    CHECK_INT(report->shows, EV_CLASS_NONE);
    want = expected();
    want.key_hash = NULL;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(failed("key_statement"));
}

TEST(a_verifier_that_does_not_compare_the_binding_is_an_internal_error) {
    const struct ev_expected want = expected();
    start(7, 5, 0, 0);
    make(EV_SEV_SNP);
    size_t n = sealed();
    ev_envelope_verify_with(wire, n, &want, careless, report);
    CHECK_INT(ev_envelope_verdict(report), EV_INTERNAL);
}

TEST(one_bad_member_spoils_the_whole) {
    const struct ev_expected want = expected();
    start(7, 5, 0, 0);
    make_parts(EV_NVIDIA_GPU, BROKEN, 1);
    make(EV_SEV_SNP);
    CHECK_INT(judged(sealed(), &want), EV_INVALID);
    CHECK(failed("gpu") && !failed("cpu"));
    CHECK_INT(report->shows, EV_CLASS_NONE);
    start(7, 5, 0, 0);
    make_parts(EV_SEV_SNP, FORBIDDEN, 1);
    CHECK_INT(judged(sealed(), &want), EV_REFUSED);
    CHECK(failed("cpu"));
}

TEST(a_gpu_spliced_in_or_taken_out_is_noticed_by_the_cpu) {
    const struct ev_expected want = expected();
    static uint8_t other[4096];
    start(7, 5, 0, 0);
    make_parts(EV_NVIDIA_GPU, GOOD, 2);
    size_t other_n = mk.c.item[0].value.n;
    memcpy(other, mk.c.item[0].value.p, other_n);
    start(7, 5, 0, 0);
    make(EV_NVIDIA_GPU);
    make(EV_SEV_SNP);
    CHECK_INT(judged(sealed(), &want), EV_OK);
    struct ev_bytes own = mk.c.item[0].value;
    mk.c.item[0].value = (struct ev_bytes){other, other_n}; /* genuine, of the same nonce, but not what the CPU saw */
    CHECK_INT(judged(sealed(), &want), EV_INVALID);
    CHECK(failed("cpu") && !failed("gpu"));
    mk.c.item[0].value = own;
    mk.c.item[0] = mk.c.item[1];
    mk.c.items = 1;
    CHECK_INT(judged(sealed(), &want), EV_INVALID);
    CHECK(failed("cpu"));
}

TEST(a_member_put_under_another_kind_is_invalid) {
    const struct ev_expected want = expected();
    start(7, 5, 0, 0);
    struct cmw_item *it = make(EV_TDX);
    strcpy(it->type, ev_envelope_media_type(EV_AWS_NITRO));
    CHECK_INT(judged(sealed(), &want), EV_INVALID);
    strcpy(it->type, ev_envelope_media_type(EV_TPM_QUOTE)); /* not what this label may hold */
    CHECK_INT(judged(sealed(), &want), EV_UNSUPPORTED);
    CHECK(failed("envelope"));
}

TEST(one_gpu_shown_twice_is_noticed) {
    const struct ev_expected want = expected();
    start(7, 5, 0, 0);
    make_parts(EV_NVIDIA_GPU, GOOD, 8);
    make(EV_SEV_SNP);
    CHECK_INT(judged(sealed(), &want), EV_OK);
    CHECK_INT(report->members, 9);
    CHECK_INT(report->member[7].part, 7);
    uint8_t *bytes = mk.space[0]; /* the second certificate becomes the first one's twin */
    size_t n = mk.c.item[0].value.n;
    for (size_t i = 0; i + 2 < n; i++)
        if (bytes[i] == 0x81 && bytes[i + 1] == 0x41 && bytes[i + 2] == 1) bytes[i + 2] = 0;
    CHECK_INT(judged(sealed(), &want), EV_INVALID);
    CHECK(failed("gpu_twice"));
}

/* A certificate of somebody else's before its own hid it once. */
TEST(one_gpu_shown_twice_is_noticed_whatever_stands_before_its_certificate) {
    const struct ev_expected want = expected();
    uint8_t b[64], evidence[PLAIN_BYTES] = {GOOD};
    static const uint8_t own[] = {1}, other[] = {2};
    for (int same = 0; same < 2; same++) {
        start(7, 5, 0, 0);
        ev_binding_long(b, &mk.bound, EV_NVIDIA_GPU, NULL, 0);
        ev_binding_short(evidence + 1, b);
        const struct ev_part part[2] = {
            {.evidence = {evidence, PLAIN_BYTES}, .certs = 1, .cert = {{own, 1}}},
            {.evidence = {evidence, PLAIN_BYTES}, .certs = 2, .cert = {{same ? other : own, 1}, {same ? own : other, 1}}}};
        struct writer w = writer_over(mk.space[0], sizeof mk.space[0]);
        ev_envelope_put_member(&w, part, 2);
        mk.made[0].kind = EV_NVIDIA_GPU;
        sha256_of(mk.made[0].digest, w.p, w.len);
        mk.mades = 1;
        item("gpu", ev_envelope_media_type(EV_NVIDIA_GPU), w.p, w.len);
        make(EV_SEV_SNP);
        CHECK_INT(judged(sealed(), &want), same ? EV_INVALID : EV_OK);
        CHECK_INT(failed("gpu_twice"), same);
    }
}

TEST(a_policy_that_requires_a_release_takes_no_envelope_without_evidence) {
    static struct ev_policy policy;
    struct ev_expected want = expected();
    policy = *ev_policy_strict();
    policy.classes = 1u << EV_T0;
    want.policy = &policy;
    start(7, 5, 0, 0);
    item("software", EV_SOFTWARE_MEDIA_TYPE, "{}", 2);
    size_t n = sealed();
    CHECK_INT(judged(n, &want), EV_OK);
    policy.log.given = policy.log.release_required = 1;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(failed("release"));
}

/* The generator of P-256 (SEC 2, 2.4.2): a point that is on the curve. */
static const char *const p256_x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
                         *const p256_y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/* The TPM's member: what a quote is to be made for stands where the quote is, and that point is the seal key. */
static void make_tpm_member(void) {
    static const uint8_t head[] = {0, 0x23, 0, 0x0b, 0, 2, 0, 0x72, 0, 0, 0, 0x10, 0, 0x10, 0, 3, 0, 0x10};
    static uint8_t evidence[1024], area[128];
    uint8_t b[64], digest[32], x[32], y[32];
    struct writer a = writer_over(area, sizeof area), e = writer_over(evidence, sizeof evidence),
                  w = writer_over(mk.space[0], sizeof mk.space[0]);
    CHECK_INT(hex_decode(x, 32, p256_x, 64) | hex_decode(y, 32, p256_y, 64), 0);
    write_bytes(&a, head, sizeof head);
    write_block16(&a, x, 32);
    write_block16(&a, y, 32);
    ev_binding_long(b, &mk.bound, EV_TPM_QUOTE, NULL, 0);
    ev_binding_short(digest, b);
    const struct tpm_member m = {.quote = {digest, 32}, .seal = {.public_area = {a.p, a.len}}};
    tpm_member_write(&e, &m);
    const struct ev_part part = {.evidence = {e.p, e.len}};
    ev_envelope_put_member(&w, &part, 1);
    CHECK_INT(a.err | e.err | w.err, 0);
    item("tpm", ev_envelope_media_type(EV_TPM_QUOTE), w.p, w.len);
}

TEST(the_seal_key_that_a_tpm_holds_must_be_the_one_in_the_key_statement) {
    const struct tpm_activated challenged = {.count = 0};
    struct ev_expected want = expected();
    uint8_t seal_key[32];
    CHECK_INT(hex_decode(seal_key, 32, p256_x, 64), 0);
    start(7, 5, 0, 0);
    make_tpm_member();
    size_t n = sealed();
    want.seal_key = seal_key;
    want.activated = &challenged;
    CHECK_INT(judged(n, &want), EV_OK);
    CHECK_INT(report->shows, EV_T1);
    CHECK_INT(report->member[0].report.uncheckeds, 1);
    CHECK_STR(report->member[0].report.unchecked[0], "event_log");
    want.seal_key = NULL; /* a key statement with a key of X25519 */
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(member_failed(0, "seal_key_statement"));
    seal_key[31] ^= 1;
    want.seal_key = seal_key;
    CHECK_INT(judged(n, &want), EV_INVALID);
    CHECK(member_failed(0, "seal_key_statement"));
    seal_key[31] ^= 1;
    want.activated = NULL;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(member_failed(0, "ak_not_activated"));
}

/* A policy that names programs is not met by a quote in another form than the member's, which has no place for IMA's list. */
TEST(a_policy_that_names_programs_is_not_met_by_a_quote_that_brings_no_list) {
    static struct ev_policy policy;
    struct ev_expected want = expected();
    start(7, 5, 0, 0);
    make(EV_TPM_QUOTE);
    size_t n = sealed();
    CHECK_INT(judged(n, &want), EV_OK);
    policy = *ev_policy_strict();
    policy.ima.given = 1;
    policy.ima.count = 1;
    want.policy = &policy;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(member_failed(0, "ima_log"));
}

TEST(an_operator_that_the_policy_does_not_name_is_refused) {
    struct ev_expected want = expected();
    uint8_t operator_id[16];
    static const char text[] = "{\"version\":1,\"operators\":[\"11111111111111111111111111111111\"]}";
    struct ev_policy *p = ev_policy_read(text, sizeof text - 1, NULL);
    CHECK(p != NULL);
    want.policy = p;
    start(7, 5, 0, 0);
    make(EV_SEV_SNP);
    size_t n = sealed();
    CHECK_INT(judged(n, &want), EV_REFUSED);
    memset(operator_id, 0x11, 16);
    want.operator_id = operator_id;
    CHECK_INT(judged(n, &want), EV_OK);
    operator_id[15] = 0;
    CHECK_INT(judged(n, &want), EV_REFUSED);
    CHECK(failed("operator"));
    ev_policy_free(p);
}

/* Evidence that was made once for all, for a checkpoint of a log (tests/data/evidence/binding). */
TEST(evidence_for_a_prefetched_nonce_is_good_while_the_nonce_is_young) {
    struct ev_expected want = expected();
    struct buf cbor, text;
    char policy[600];
    CHECK_INT(file_read(&cbor, "tests/data/evidence/binding/checkpoint.cbor", 65536, NULL), 0);
    CHECK_INT(file_read(&text, "tests/data/evidence/binding/checkpoint.txt", 65536, NULL), 0);
    const char *t = (const char *)text.data; /* "nonce HEX\nlog HEX\nwitness HEX TIME\n"... */
    int n = snprintf(policy, sizeof policy,
                     "{\"version\":1,\"max_age\":60,\"log\":{\"origin\":\"log.example/"
                     "lull\",\"key\":\"%.64s\",\"k\":2,\"witnesses\":[\"%.64s\",\"%.64s\"]}}",
                     t + 75, t + 148, t + 232);
    struct ev_policy *p = ev_policy_read(policy, (size_t)n, NULL);
    CHECK(p != NULL);
    start(0, 5, 0, 0);
    CHECK_INT(hex_decode(mk.bound.nonce, 32, t + 6, 64), 0);
    make(EV_SEV_SNP);
    item("nonce", EV_NONCE_MEDIA_TYPE, cbor.data, cbor.len);
    size_t size = sealed();
    want.nonce = NULL;
    want.policy = p;
    want.now = 1795600060; /* the two witnesses signed at ...000 and ...010 */
    CHECK_INT(judged(size, &want), EV_OK);
    CHECK_INT(report->shows, EV_T2);
    want.now = 1795600061;
    CHECK_INT(judged(size, &want), EV_REFUSED);
    CHECK(failed("nonce_age") && !failed("cpu"));
    want.now = 1795600005;
    CHECK_INT(judged(size, &want), EV_INVALID);
    CHECK(failed("nonce_time"));
    want.now = 1795600060;
    want.log_size_seen = 1235;
    CHECK_INT(judged(size, &want), EV_REFUSED);
    CHECK(failed("log_rollback"));
    want.log_size_seen = 0;
    want.nonce = nonce_7; /* whoever has a nonce of their own takes no other */
    CHECK_INT(judged(size, &want), EV_INVALID);
    CHECK(failed("cpu"));
    want.nonce = NULL;
    want.policy = ev_policy_strict();
    CHECK_INT(judged(size, &want), EV_REFUSED);
    CHECK(failed("nonce_log"));
    ev_policy_free(p);
    buf_release(&cbor);
    buf_release(&text);
}

/* ---- form ---- */

static int opened(size_t n) {
    struct why why = {{0}};
    int r = ev_envelope_read(&env, wire, n, &why);
    ev_envelope_release(&env);
    return r;
}

TEST(both_spellings_hold_the_same_members) {
    const struct ev_expected want = expected();
    struct buf b;
    start(7, 5, 0, 0);
    make_parts(EV_NVIDIA_GPU, GOOD, 2);
    make(EV_SEV_SNP);
    item("software", EV_SOFTWARE_MEDIA_TYPE, "{\"a\":1}", 7);
    CHECK_INT(judged(sealed(), &want), EV_OK);
    CHECK_INT(cmw_write_json(&b, &mk.c), 0);
    ev_envelope_verify_with(b.data, b.len, &want, played, report);
    CHECK_INT(ev_envelope_verdict(report), EV_OK);
    CHECK_INT(report->shows, EV_T3);
    buf_release(&b);
}

TEST(every_cut_and_every_flip_is_refused) {
    const struct ev_expected want = expected();
    start(7, 5, 0, 0);
    make(EV_NVIDIA_GPU);
    make(EV_TDX);
    size_t n = sealed();
    int accepted = 0;
    CHECK_INT(judged(n, &want), EV_OK);
    for (size_t i = 0; i < n; i++) CHECK_INT(judged(i, &want), EV_UNSUPPORTED);
    wire[n] = 0;
    CHECK_INT(judged(n + 1, &want), EV_UNSUPPORTED);
    for (size_t i = 0; i < n * 8; i++) {
        wire[i / 8] ^= (uint8_t)(1u << i % 8);
        enum ev_verdict v = judged(n, &want);
        accepted += v == EV_OK;
        if (v == EV_OK) CHECK_INT(report->shows, EV_T3);
        wire[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    CHECK_INT(accepted, 8); /* the one byte of the cpu's certificate, which is for its verifier, which is played here */
}

TEST(sizes_over_the_caps_are_refused) {
    static uint8_t big[(2 << 20) + 8], space[(2 << 20) + 64];
    static const struct {
        enum ev_kind kind;
        size_t good, bad;
    } rows[] = {{EV_SEV_SNP, 1184, 1185},
                {EV_SEV_SNP, 1184, 1183},
                {EV_TDX, 16384, 16385},
                {EV_NVIDIA_GPU, 16384, 16385},
                {EV_AWS_NITRO, 20480, 20481}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int bad = 0; bad < 2; bad++) {
            struct ev_part part = {.evidence = {big, bad ? rows[i].bad : rows[i].good}};
            struct writer w = writer_over(space, sizeof space);
            start(7, 5, 0, 0);
            ev_envelope_put_member(&w, &part, 1);
            item(ev_slot_label(ev_slot_of(rows[i].kind)), ev_envelope_media_type(rows[i].kind), w.p, w.len);
            CHECK_INT(opened(sealed()) == 0, !bad);
        }
}

TEST(certificates_over_eight_or_over_4_kib_are_refused) {
    static uint8_t cert[4097], space[40000];
    for (int i = 0; i < 4; i++) {
        struct ev_part part = {.evidence = {cert, 10}, .certs = EV_ENVELOPE_CERTS_MAX};
        for (unsigned k = 0; k < EV_ENVELOPE_CERTS_MAX; k++) part.cert[k] = (struct ev_bytes){cert, i == 1 ? 4097 : 4096};
        struct writer w = writer_over(space, sizeof space);
        start(7, 5, 0, 0);
        ev_envelope_put_member(&w, &part, 1);
        uint8_t *count = memchr(space, 0x88, 64);
        if (i == 2) *count = 0x89; /* one more is announced */
        if (i == 3) *count = 0x80;
        item("cpu", ev_envelope_media_type(EV_TDX), w.p, w.len);
        CHECK_INT(opened(sealed()), i == 0 ? 0 : i == 3 ? ERR_FORMAT : ERR_LIMIT);
    }
}

TEST(an_envelope_over_4_mib_is_unsupported) {
    const struct ev_expected want = expected();
    memset(wire, ' ', sizeof wire);
    CHECK_INT(judged(sizeof wire, &want), EV_UNSUPPORTED);
    CHECK(strstr(report->whole.factor[0].why, "over") != NULL);
}

TEST(more_parts_than_a_member_may_have_are_refused) {
    start(7, 5, 0, 0);
    make_parts(EV_NVIDIA_GPU, GOOD, EV_PARTS_MAX);
    CHECK_INT(opened(sealed()), 0);
    start(7, 5, 0, 0);
    make_parts(EV_NVIDIA_GPU, GOOD, EV_PARTS_MAX + 1);
    CHECK_INT(opened(sealed()), ERR_LIMIT);
    start(7, 5, 0, 0);
    make_parts(EV_TDX, GOOD, 2);
    CHECK_INT(opened(sealed()), ERR_LIMIT);
}

TEST(what_an_envelope_may_not_hold_is_refused) {
    for (int i = 0; i < 10; i++) {
        start(7, 5, 0, 0);
        struct cmw_item *it = make(EV_TDX);
        int r = ERR_UNSUPPORTED;
        switch (i) {
        case 0: r = 0; break;
        case 1: strcpy(it->label, "cpu2"); break;
        case 2: it->type[0] = 0, it->content_format = 64999; break;
        case 3: it->is_tag = 1; break;
        case 4: it->has_indicator = 0; break;
        case 5: it->indicator = CMW_RESULTS; break;
        case 6: strcpy(mk.c.collection_type, "tag:example.com,2024:composite-attester"); break;
        case 7: mk.c.collection_type[0] = 0; break;
        case 8: item("software", EV_SOFTWARE_MEDIA_TYPE, "{ }", 3), r = ERR_FORMAT; break; /* not canonical */
        case 9: item("nonce", EV_NONCE_MEDIA_TYPE, "\x80", 1), r = ERR_FORMAT; break;
        }
        CHECK_INT(opened(sealed()), r);
    }
}

TEST(an_envelope_within_an_envelope_and_a_member_twice_are_refused) {
    static const char nested[] = "{\"__cmwc_t\":\"" EV_ENVELOPE_TYPE "\",\"cpu\":{\"cpu\":[\"a/b\",\"\",4]}}";
    static const char twice[] = "{\"__cmwc_t\":\"" EV_ENVELOPE_TYPE "\",\"software\":[\"" EV_SOFTWARE_MEDIA_TYPE
                                "\",\"e30\",4],\"software\":[\"" EV_SOFTWARE_MEDIA_TYPE "\",\"e30\",4]}";
    const struct ev_expected want = expected();
    memcpy(wire, nested, sizeof nested);
    CHECK_INT(judged(sizeof nested - 1, &want), EV_UNSUPPORTED);
    memcpy(wire, twice, sizeof twice);
    CHECK_INT(judged(sizeof twice - 1, &want), EV_UNSUPPORTED);
    start(7, 5, 0, 0);
    make(EV_TDX);
    mk.c.item[1] = mk.c.item[0];
    mk.c.items = 2;
    CHECK_INT(judged(sealed(), &want), EV_UNSUPPORTED);
}

TESTS_MAIN("ev_envelope", T(each_set_of_members_shows_its_class), T(a_class_below_the_policy_is_refused_and_one_in_it_is_not),
           T(another_nonce_key_or_channel_is_not_what_it_was_made_for), T(evidence_of_one_node_presented_by_another_is_invalid),
           T(a_caller_with_a_tls_session_refuses_channel_0), T(without_a_nonce_or_a_key_statement_nothing_is_bound),
           T(a_verifier_that_does_not_compare_the_binding_is_an_internal_error), T(one_bad_member_spoils_the_whole),
           T(a_gpu_spliced_in_or_taken_out_is_noticed_by_the_cpu), T(a_member_put_under_another_kind_is_invalid),
           T(one_gpu_shown_twice_is_noticed), T(one_gpu_shown_twice_is_noticed_whatever_stands_before_its_certificate),
           T(a_policy_that_requires_a_release_takes_no_envelope_without_evidence),
           T(the_seal_key_that_a_tpm_holds_must_be_the_one_in_the_key_statement),
           T(a_policy_that_names_programs_is_not_met_by_a_quote_that_brings_no_list),
           T(an_operator_that_the_policy_does_not_name_is_refused),
           T(evidence_for_a_prefetched_nonce_is_good_while_the_nonce_is_young), T(both_spellings_hold_the_same_members),
           T(every_cut_and_every_flip_is_refused), T(sizes_over_the_caps_are_refused),
           T(certificates_over_eight_or_over_4_kib_are_refused), T(an_envelope_over_4_mib_is_unsupported),
           T(more_parts_than_a_member_may_have_are_refused), T(what_an_envelope_may_not_hold_is_refused),
           T(an_envelope_within_an_envelope_and_a_member_twice_are_refused))
