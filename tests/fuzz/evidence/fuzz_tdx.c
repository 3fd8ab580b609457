/* Fuzz: TDX quotes and their collateral, up to the verdict. The input is two bytes, the length of the quote, the quote, and then collateral.
 * None may verify with this nonce, which no real quote was made for. */
#include "tests/fuzz/fuzz.h"

#include "evidence/tdx.h"
#include "evidence/tdx_slice.h"

enum { NOW = 1750852800 };

static void read_texts(struct ev_bytes text) {
    static struct tdx_tcb_info tcb;
    static struct tdx_qe_identity qe;
    struct ev_bytes inner;
    if (tdx_collateral_slice(text, "tcbInfo", &inner) == 0)
        CHECK(inner.n > 0 && inner.p >= text.p && inner.p + inner.n <= text.p + text.n);
    else
        inner = text;
    if (tdx_tcb_info_read(inner, &tcb) == 0)
        CHECK(tcb.levels > 0 && tcb.levels <= TDX_LEVELS_MAX && tcb.modules <= TDX_MODULES_MAX);
    if (tdx_qe_identity_read(inner, &qe) == 0) CHECK(qe.levels > 0 && qe.levels <= TDX_LEVELS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct ev_report r;
    struct tdx_policy policy;
    struct ev_anchors anchors = ev_pinned(EV_ROOTS_INTEL_SGX);
    if (n < 2) return 0;
    size_t all = n - 2, head = (size_t)(data[0] << 8 | data[1]);
    if (head > all) head = all;
    char *quote = fuzz_copy(data + 2, head), *rest = fuzz_copy(data + 2 + head, all - head);
    read_texts((struct ev_bytes){(const uint8_t *)rest, all - head});
    tdx_policy_strict(&policy);
    struct ev_input in = {.evidence = {(const uint8_t *)quote, head},
                          .collateral = {(const uint8_t *)rest, all - head},
                          .nonce = {(const uint8_t *)"nonce", 5},
                          .now = NOW};
    r = (struct ev_report){.best = EV_CLASS_NONE};
    tdx_verify_with(&in, &policy, &anchors, &r);
    CHECK(r.factors > 0 && ev_report_verdict(&r) != EV_OK && ev_report_verdict(&r) != EV_INTERNAL);
    free(quote);
    free(rest);
    return 0;
}
