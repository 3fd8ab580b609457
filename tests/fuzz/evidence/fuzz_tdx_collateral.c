/* Fuzz: Intel's collateral as a file, its two signed texts, and members cut out of JSON. Nothing made up may verify. */
#include "tests/fuzz/fuzz.h"

#include "evidence/tdx.h"
#include "evidence/tdx_slice.h"

static int inside(struct ev_bytes part, struct ev_bytes whole) {
    return part.n > 0 && part.p >= whole.p && part.p + part.n <= whole.p + whole.n;
}

/* A value that was cut out of good JSON is good JSON: another reader sees the same. */
static void slice(struct ev_bytes all, const char *member) {
    struct ev_bytes got;
    json_t *outer = NULL, *inner = NULL;
    if (tdx_collateral_slice(all, member, &got) != 0) {
        CHECK(got.p == NULL && got.n == 0);
        return;
    }
    CHECK(inside(got, all));
    if (json_parse(&outer, all.p, all.n, NULL) == 0 && (got.p[0] == '{' || got.p[0] == '[')) {
        CHECK(json_parse(&inner, got.p, got.n, NULL) == 0);
        CHECK(json_equal(json_object_get(outer, member), inner));
        json_decref(inner);
    }
    json_decref(outer);
}

static void signed_texts(struct ev_bytes all) {
    static struct tdx_tcb_info info;
    static struct tdx_qe_identity identity;
    if (tdx_tcb_info_read(all, &info) == 0)
        CHECK(info.levels > 0 && info.levels <= TDX_LEVELS_MAX && info.modules <= TDX_MODULES_MAX);
    if (tdx_qe_identity_read(all, &identity) == 0) CHECK(identity.levels > 0 && identity.levels <= TDX_LEVELS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct ev_report r;
    static struct tdx_policy policy;
    struct tdx_collateral c;
    struct why why = {""};
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_INTEL_SGX);
    struct ev_bytes all = {(const uint8_t *)fuzz_copy(data, n), n};
    slice(all, "tcbInfo");
    slice(all, "signature");
    signed_texts(all);
    if (tdx_collateral_read(all, &c, &why) == 0) {
        if (c.tcb_info.text.n) signed_texts(c.tcb_info.text);
        if (c.qe_identity.text.n) signed_texts(c.qe_identity.text);
    }
    tdx_collateral_release(&c);
    struct ev_input in = {.evidence = all, .collateral = all, .now = 1750800000};
    tdx_policy_strict(&policy);
    r = (struct ev_report){.best = EV_CLASS_NONE};
    tdx_verify_with(&in, &policy, &pinned, &r);
    CHECK(r.factors > 0 && ev_report_verdict(&r) != EV_OK && ev_report_verdict(&r) != EV_INTERNAL);
    free((void *)(uintptr_t)all.p);
    return 0;
}
