/* Fuzz: whether evidence has a release's measurements: first byte the kind, then the evidence. What it should have been verified as before is the
 * caller's part, so anything may come; a release that asks for what no evidence has is never met. */
#include "tests/fuzz/fuzz.h"

#include "evidence/release_measured.h"

static void list(struct tlog_leaf *l, const char *kind) {
    unsigned at = l->measurements++;
    strcpy(l->measurement[at].kind, kind);
    l->measurement[at].size = 47; /* no register's */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct tlog_leaf wanting, empty;
    if (n < 1 || n > 1 << 17) return 0;
    if (wanting.measurements == 0) {
        list(&wanting, "sev-snp");
        list(&wanting, "tdx-mrtd");
        list(&wanting, "nitro-pcr0");
    }
    char *own = fuzz_copy(data + 1, n - 1);
    struct ev_bytes evidence = {(const uint8_t *)own, n - 1};
    enum ev_kind kind = (enum ev_kind)(data[0] % EV_KIND_END);
    struct why why = {{0}};
    int met = release_measured(&wanting, kind, evidence, &why) == 0;
    CHECK(!met || kind == EV_TPM_QUOTE); /* a list may have the program of zeros */
    CHECK(release_measured(&empty, kind, evidence, NULL) != 0 || kind == EV_TPM_QUOTE);
    free(own);
    return 0;
}
