/* Fuzz: AWS Nitro documents, framed or not, up to the verdict. Nothing made up may verify: AWS did not sign it. */
#include "tests/fuzz/fuzz.h"

#include "evidence/nitro.h"
#include "evidence/nitro_doc.h"
#include "evidence/nitro_frame.h"

static void read_only(const uint8_t *data, size_t n) {
    struct nitro_cose cose;
    struct nitro_doc doc;
    struct ev_bytes within;
    if (nitro_unframe(&within, (struct ev_bytes){data, n}) == 0 && nitro_cose_read(&cose, within, NULL) == 0) {
        CHECK(cose.payload.n > 0 && cose.payload.n <= NITRO_PAYLOAD_MAX && cose.signature.n == 96);
        CHECK(cose.payload.p >= data && cose.payload.p + cose.payload.n <= data + n);
        (void)nitro_is_es384(cose.protected_header);
    }
    if (nitro_doc_read(&doc, (struct ev_bytes){data, n}, NULL) == 0)
        CHECK(doc.bundle_count > 0 && doc.bundle_count <= NITRO_BUNDLE_MAX && doc.module_id.n > 0 && doc.timestamp_ms > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct ev_report r;
    struct nitro_policy policy;
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_NITRO);
    char *own = fuzz_copy(data, n);
    read_only((const uint8_t *)own, n);
    nitro_policy_strict(&policy);
    struct ev_input in = {.evidence = {(const uint8_t *)own, n}, .nonce = {(const uint8_t *)"nonce", 5}, .now = 1766678700};
    r = (struct ev_report){.best = EV_CLASS_NONE};
    nitro_verify_with(&in, &policy, &pinned, &r);
    CHECK(r.factors > 0 && ev_report_verdict(&r) != EV_OK && ev_report_verdict(&r) != EV_INTERNAL);
    free(own);
    return 0;
}
