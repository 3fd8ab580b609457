/* Fuzz: IMA lists. What is read is inside the input, is read the same again, and replays; a list whose replay is quoted matches. */
#include "tests/fuzz/fuzz.h"

#include "evidence/ima_log.h"

static int none(const void *list, const uint8_t *digest, size_t n) {
    (void)list, (void)digest, (void)n;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct ima_log log;
    struct ima_entry e;
    struct ima_match match;
    static struct ima_judgement judgement;
    struct why why = {""};
    uint8_t value[TPM_DIGEST_MAX];
    char name[40];
    unsigned count = 0;
    char *own = fuzz_copy(data, n);
    const uint8_t *p = (const uint8_t *)own;
    int r = ima_log_read(&log, (struct ev_bytes){p, n}, &why);
    CHECK((r == 0) == (why.text[0] == 0));
    if (r == 0) {
        for (struct ima_walk w = ima_walk_over(&log); ima_next(&w, &e); count++) {
            CHECK(e.path.p >= p && e.path.p + e.path.n <= p + n && e.path.n < IMA_PATH_MAX);
            CHECK(e.extra.n == 0 || (e.extra.p >= p && e.extra.p + e.extra.n <= p + n));
            CHECK(e.digest_size <= sizeof e.digest && e.hash_name[0]);
            ima_path_text(&e, name, sizeof name);
        }
        CHECK(count == log.count && count > 0);
        CHECK(ima_log_replay(&log, count, TPM_ALG_SHA256, IMA_PADDED, value) == 0);
        CHECK(ima_log_match(&log, TPM_ALG_SHA256, (struct ev_bytes){value, 32}, &match) == 0);
        CHECK(match.form == IMA_PADDED && match.entries == count);
        ima_log_judge(&log, count, 0, none, NULL, &judgement);
        CHECK(judgement.unknown == count && judgement.violations == log.violations && judgement.first.number == 0);
    }
    free(own);
    return 0;
}
