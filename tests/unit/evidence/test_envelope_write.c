/* evidence: envelopes as whoever collects writes them: each part comes back, in both spellings; and what a Mac would show, verified with a
 * manufacturer of the test's own. */
#include <stdlib.h>

#include "evidence/envelope_verify.h"
#include "evidence/envelope_write.h"
#include "evidence/event_log.h"
#include "tests/unit/evidence/apple_scene.h"

static struct ev_envelope read_back;

static void same(struct ev_bytes a, struct ev_bytes b) {
    CHECK_INT(a.n, b.n);
    CHECK(a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

TEST(every_part_comes_back_in_both_spellings) {
    static uint8_t evidence[3000], log[50000], cert[4096];
    static const char software[] = "{\"class\":\"T0\"}";
    memset(evidence, 1, sizeof evidence), memset(log, 2, sizeof log), memset(cert, 3, sizeof cert);
    struct ev_part part = {.evidence = {evidence, sizeof evidence},
                           .key = {cert, 65},
                           .collateral = {log, 900},
                           .event_log = {log, sizeof log},
                           .certs = EV_ENVELOPE_CERTS_MAX};
    for (int i = 0; i < EV_ENVELOPE_CERTS_MAX; i++) part.cert[i] = (struct ev_bytes){cert, sizeof cert - (size_t)i};
    struct ev_writing w = {.kind = EV_TDX, .part = &part, .software = {(const uint8_t *)software, sizeof software - 1}};
    struct buf cbor, json;
    CHECK_INT(ev_envelope_write(&cbor, &w), 0);
    CHECK_INT(ev_envelope_as_json(&json, cbor.data, cbor.len), 0);
    for (int spelling = 0; spelling < 2; spelling++) {
        const struct buf *b = spelling ? &json : &cbor;
        CHECK_INT(ev_envelope_read(&read_back, b->data, b->len, NULL), 0);
        CHECK(read_back.members == 1 && read_back.member[0].kind == EV_TDX && read_back.member[0].parts == 1);
        const struct ev_part *p = &read_back.member[0].part[0];
        same(p->evidence, part.evidence), same(p->key, part.key), same(p->collateral, part.collateral);
        same(p->event_log, part.event_log), same(read_back.software, w.software);
        CHECK_INT(p->certs, part.certs);
        for (unsigned i = 0; i < part.certs; i++) same(p->cert[i], part.cert[i]);
        ev_envelope_release(&read_back);
    }
    buf_release(&cbor);
    buf_release(&json);
}

TEST(an_envelope_without_members_holds_what_the_program_says_of_itself) {
    static const char software[] = "{\"class\":\"T0\"}";
    struct buf cbor;
    CHECK_INT(ev_envelope_write(&cbor, &(struct ev_writing){.software = {(const uint8_t *)software, sizeof software - 1}}), 0);
    CHECK_INT(ev_envelope_read(&read_back, cbor.data, cbor.len, NULL), 0);
    CHECK(read_back.members == 0 && read_back.software.n == sizeof software - 1);
    ev_envelope_release(&read_back);
    buf_release(&cbor);
}

TEST(what_is_over_4_mib_is_not_written) {
    uint8_t *big = calloc(1, EV_ENVELOPE_BYTES_MAX);
    struct ev_part part = {.evidence = {big, EV_ENVELOPE_BYTES_MAX}};
    struct buf cbor;
    CHECK(big != NULL);
    CHECK_INT(ev_envelope_write(&cbor, &(struct ev_writing){.kind = EV_TPM_QUOTE, .part = &part}), ERR_LIMIT);
    buf_release(&cbor);
    free(big);
}

/* ---- what `lull attest collect --enclave` writes: Apple's certificates, the signer, its signature over B ---- */

static void by_twins_roots(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated,
                           struct ev_report *out) {
    (void)activated;
    CHECK_INT(kind, EV_APPLE_MDA);
    *out = (struct ev_report){.best = EV_CLASS_NONE};
    apple_mda_verify_with(in, &in->policy->apple, &twin_anchors, out);
}

TEST(a_macs_envelope_is_bound_by_the_signature_of_the_key_that_apple_has_named) {
    struct twin t = twin_default();
    struct maker_cert leaf;
    uint8_t chain[8192], point[65], signature[80], b[EV_BINDING_BYTES], nonce[32] = {1}, key[32] = {2};
    struct ev_bound bound = {.channel = 0};
    struct ev_envelope_report *r = ev_envelope_report_new();
    struct ev_policy policy = *ev_policy_strict();
    struct ev_expected want = {.key_hash = key, .nonce = nonce, .policy = &policy, .now = TWIN_NOW};
    policy.classes_given = 1, policy.classes = 1u << EV_A1;
    twin_leaf(&t, &leaf);
    memcpy(chain, leaf.der, leaf.n);
    memcpy(chain + leaf.n, twin_sub.der, twin_sub.n);
    memcpy(bound.nonce, nonce, 32), memcpy(bound.key_hash, key, 32);
    ev_binding_long(b, &bound, EV_APPLE_MDA, NULL, 0);
    for (int other = 0; other < 2; other++) { /* another key has signed: it is not the one in the certificate */
        struct ev_part part = {.evidence = {chain, leaf.n + twin_sub.n},
                               .key = se_public(other ? &se_other : &se_key, point),
                               .collateral = se_sign(other ? &se_other : &se_key, b, sizeof b, signature)};
        struct buf cbor;
        CHECK_INT(ev_envelope_write(&cbor, &(struct ev_writing){.kind = EV_APPLE_MDA, .part = &part}), 0);
        ev_envelope_verify_with(cbor.data, cbor.len, &want, by_twins_roots, r);
        CHECK_INT(ev_envelope_verdict(r), other ? EV_INVALID : EV_OK);
        CHECK_INT(r->shows, other ? EV_CLASS_NONE : EV_A1);
        if (other) CHECK(ev_report_failed(&r->member[0].report, "se_key") != NULL);
        buf_release(&cbor);
    }
    maker_release(&leaf);
    ev_envelope_report_free(r);
}

TEST(zz_the_manufacturer_is_gone) { twin_teardown(); }
TEST(a_manufacturer_is_made) { twin_setup(); }

TESTS_MAIN("envelope_write", T(a_manufacturer_is_made), T(every_part_comes_back_in_both_spellings),
           T(an_envelope_without_members_holds_what_the_program_says_of_itself), T(what_is_over_4_mib_is_not_written),
           T(a_macs_envelope_is_bound_by_the_signature_of_the_key_that_apple_has_named), T(zz_the_manufacturer_is_gone))
