/* tests/unit/gateway/shown.h - evidence of nodes whose manufacturer is the test: an envelope with one SEV-SNP report, which holds the binding
 * value that it was made for, a measurement, and in place of its signature a byte that says how it is. What binds it to nonce and key
 * statement is real. */
#ifndef TESTS_GATEWAY_SHOWN_H
#define TESTS_GATEWAY_SHOWN_H

#include "gateway/gw_judge.h"
#include "tests/check.h"

#define SHOWN static __attribute__((unused))

enum { SHOWN_DATA = 0x50, SHOWN_MEASUREMENT = 0x90, SHOWN_SIGNATURE = 0x2a0, SHOWN_MEASURED = 0x77 };
enum { SHOWN_GOOD = 'g', SHOWN_DEBUG = 'd', SHOWN_ANY_PROGRAM = 'a', SHOWN_BYTES = 1184 };

SHOWN void shown_verify(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated,
                        struct ev_report *out) {
    (void)kind, (void)activated;
    memset(out, 0, sizeof *out);
    out->best = EV_T2;
    int how = in->evidence.p[SHOWN_SIGNATURE];
    ev_check(out, "signature", how == SHOWN_GOOD || how == SHOWN_DEBUG || how == SHOWN_ANY_PROGRAM, EV_INVALID, "broken");
    ev_check(out, "debug", how != SHOWN_DEBUG, EV_REFUSED, "its owner reads along");
    if (how == SHOWN_ANY_PROGRAM) ev_unchecked(out, "measurement");
    ev_check(out, "nonce", in->nonce.n == 64 && memcmp(in->evidence.p + SHOWN_DATA, in->nonce.p, 64) == 0, EV_INVALID,
             "of another");
}

/* An envelope into out; how long it is. members 0: one that shows T0. */
SHOWN size_t shown_make(uint8_t *out, size_t cap, int how, const uint8_t nonce[32], const uint8_t key_id[32], unsigned members) {
    static struct cmw c;
    static uint8_t evidence[SHOWN_BYTES], space[2048];
    struct ev_bound bound = {.channel = 0};
    struct ev_part part = {.evidence = {evidence, sizeof evidence}};
    memcpy(bound.nonce, nonce, 32);
    memcpy(bound.key_hash, key_id, 32);
    memset(evidence, 0, sizeof evidence);
    evidence[0] = 2; /* version */
    evidence[SHOWN_SIGNATURE] = (uint8_t)how;
    memset(evidence + SHOWN_MEASUREMENT, SHOWN_MEASURED, 48);
    ev_binding_long(evidence + SHOWN_DATA, &bound, EV_SEV_SNP, NULL, 0);
    struct writer m = writer_over(space, sizeof space);
    ev_envelope_put_member(&m, &part, 1);
    CHECK_INT(m.err, 0);
    c = (struct cmw){.form = CMW_COLLECTION, .items = 1, .collection_type = EV_ENVELOPE_TYPE};
    c.item[0] = (struct cmw_item){.label = "cpu", .has_indicator = 1, .indicator = CMW_EVIDENCE, .value = {m.p, m.len}};
    strcpy(c.item[0].type, ev_envelope_media_type(EV_SEV_SNP));
    if (!members) {
        c.item[0] = (struct cmw_item){
            .label = "software", .has_indicator = 1, .indicator = CMW_EVIDENCE, .value = {(const uint8_t *)"{}", 2}};
        strcpy(c.item[0].type, EV_SOFTWARE_MEDIA_TYPE);
    }
    struct writer w = writer_over(out, cap);
    cmw_write_cbor(&w, &c);
    CHECK_INT(w.err, 0);
    return w.len;
}

#endif
