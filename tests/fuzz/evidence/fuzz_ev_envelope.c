/* Fuzz: envelopes and other CMW collections in both spellings, prefetched nonces, and the verdict on whatever comes. What is accepted in
 * CBOR has exactly one spelling; the same bytes get the same verdict twice. */
#include "tests/fuzz/fuzz.h"

#include "evidence/cbor.h"
#include "evidence/envelope_verify.h"
#include "evidence/envelope_write.h"

static void one_spelling(const uint8_t *data, size_t n) {
    static struct cmw c;
    if (cmw_read(&c, data, n, CBOR_DETERMINISTIC, NULL) == 0 && !cmw_looks_like_json(data, n)) {
        uint8_t *again = malloc(n + 16);
        CHECK(again != NULL);
        struct writer w = writer_over(again, n + 16);
        cmw_write_cbor(&w, &c);
        CHECK(w.err == 0 && w.len == n && memcmp(again, data, n) == 0);
        free(again);
    }
    cmw_release(&c);
}

/* JSON that is accepted is written and read as the same. */
static void round_trip(const uint8_t *data, size_t n) {
    static struct cmw c, d;
    struct buf b;
    if (cmw_read(&c, data, n, 0, NULL) == 0 && cmw_write_json(&b, &c) == 0) {
        CHECK(cmw_read(&d, b.data, b.len, 0, NULL) == 0 && d.items == c.items);
        for (unsigned i = 0; i < c.items; i++)
            CHECK(d.item[i].value.n == c.item[i].value.n && strcmp(d.item[i].type, c.item[i].type) == 0);
        cmw_release(&d);
        buf_release(&b);
    }
    cmw_release(&c);
}

/* An envelope with one part at most is written again as it was. */
static void written_again(const uint8_t *data, size_t n) {
    static struct ev_envelope e;
    struct buf b;
    if (ev_envelope_read(&e, data, n, NULL) == 0 && !cmw_looks_like_json(data, n) && e.members <= 1 && e.member[0].parts <= 1) {
        const struct cmw_item *nonce = cmw_find(&e.cmw, "nonce"), *software = cmw_find(&e.cmw, "software");
        struct ev_writing w = {.kind = e.members ? e.member[0].kind : EV_KIND_NONE, .part = e.member[0].part};
        if (nonce) w.prefetched = nonce->value;
        if (software) w.software = software->value;
        CHECK(ev_envelope_write(&b, &w) == 0 && b.len == n && memcmp(b.data, data, n) == 0);
        buf_release(&b);
    }
    ev_envelope_release(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const uint8_t key[32] = {1}, nonce[32] = {2};
    static struct ev_envelope_report *r;
    if (n > 1 << 17) return 0;
    if (!r) r = ev_envelope_report_new();
    CHECK(r != NULL);
    char *own = fuzz_copy(data, n);
    one_spelling((uint8_t *)own, n);
    round_trip((uint8_t *)own, n);
    written_again((uint8_t *)own, n);
    struct ev_expected want = {.key_hash = key, .nonce = n % 2 ? nonce : NULL, .policy = ev_policy_strict(), .now = 1795600000};
    ev_envelope_verify(own, n, &want, r);
    enum ev_verdict v = ev_envelope_verdict(r);
    unsigned factors = r->whole.factors;
    CHECK(v != EV_OK && v != EV_INTERNAL); /* nobody can bind anything to this nonce; and nothing is a bug of ours */
    ev_envelope_verify(own, n, &want, r);
    CHECK(ev_envelope_verdict(r) == v && r->whole.factors == factors);
    struct ev_prefetched p;
    (void)ev_prefetched_read(&p, (struct ev_bytes){(uint8_t *)own, n});
    free(own);
    return 0;
}
