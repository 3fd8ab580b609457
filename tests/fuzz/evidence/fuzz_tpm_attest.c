/* Fuzz: TPM quotes in every form, and members of envelopes, up to the verdict. With the key that signed one of the corpus, and without: nothing
 * passes but that quote itself. */
#include "tests/fuzz/fuzz.h"

#include "evidence/policy.h"
#include "evidence/tpm_member.h"

/* What we read of an attestation lies within it, and what we write again is what was read. */
static void read_only(const uint8_t *data, size_t n) {
    struct reader r = reader_over(data, n);
    struct tpm_attest a;
    struct tpm_member m;
    struct tpm_creation c;
    if (tpm_attest_read(&r, &a) == 0) {
        CHECK(a.whole.p == data && a.whole.n + r.left == n && a.whole.n <= TPM_ATTEST_BYTES_MAX);
        CHECK(tpm_selection_count(&a.select) <= TPM_PCRS_MAX);
    }
    if (tpm_member_read((struct ev_bytes){data, n}, &m) == 0) {
        uint8_t *again = malloc(n);
        CHECK(again != NULL);
        struct writer w = writer_over(again, n);
        tpm_member_write(&w, &m);
        CHECK(!w.err && w.len == n && memcmp(again, data, n) == 0);
        free(again);
    }
    if (tpm_creation_of((struct ev_bytes){data, n}, &c) == 0) CHECK(c.whole.n <= n);
}

/* Values that came are as many as are selected, whatever the container says. */
static void read_container(const uint8_t *data, size_t n) {
    struct tpm_container c;
    struct tpm_pcrs values;
    struct why why = {""};
    uint8_t digest[TPM_DIGEST_MAX];
    if (tpm_container_read((struct ev_bytes){data, n}, &c, &why) != 0)
        CHECK(why.text[0]);
    else if (c.attest_err == 0 && tpm_container_pcrs(&c, &values) == 0)
        CHECK(tpm_pcrs_digest(TPM_ALG_SHA256, &values, digest) == 0);
    CHECK(!c.scratch || c.scratch_used <= n);
    tpm_container_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct ev_report r;
    char *own = fuzz_copy(data, n);
    const uint8_t *p = (const uint8_t *)own;
    read_only(p, n);
    read_container(p, n);
    struct ev_input in = {.evidence = {p, n}, .policy = ev_policy_strict(), .now = 1790000000, .enveloped = 1};
    ev_verify(EV_TPM_QUOTE, &in, &r);
    CHECK(r.factors > 0 && ev_report_verdict(&r) != EV_INTERNAL);
    /* of what signs for itself only Azure's report, by AMD, can be good */
    if (ev_report_verdict(&r) == EV_OK) {
        int hcl = 0;
        for (unsigned i = 0; i < r.factors; i++) hcl |= strcmp(r.factor[i].name, "hcl_report") == 0 && r.factor[i].ok;
        CHECK(hcl);
    }
    free(own);
    return 0;
}
