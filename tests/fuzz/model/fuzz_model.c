/* Fuzz: a whole model file from a stranger, opened with each arithmetic and asked for one step. Seeds are small models of several
 * families. */
#include "tests/fuzz/fuzz.h"

#include "model/engine.h"
#include "model/model.h"

static void one_step(const struct model *m) {
    struct engine *e = NULL;
    struct kv_seq s = {0};
    struct engine_opts o = {.threads = 1, .rows_max = 3, .logits_max = 3, .kv_pages = 1};
    uint32_t count = model_context(m) < 3 ? model_context(m) : 3;
    const int32_t id[3] = {0, (int32_t)model_n_vocab(m) - 1, 0};
    if (engine_new(&e, m, &o, NULL) != 0) return;
    CHECK(kv_seq_init(&s, count) == 0 && kv_seq_reserve(&s, engine_kv(e), count) == 0);
    struct engine_part part = {.seq = &s, .ids = id, .count = count};
    CHECK(engine_step(e, &part, 1) == 0);
    CHECK(part.err == 0 || part.err == ERR_NONFINITE);
    kv_seq_release(&s, engine_kv(e));
    engine_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    for (int a = 0; a < ARITHS; a++) {
        struct model *m = NULL;
        struct model_opts o = {.threads = 1, .arith = (enum model_arith)a};
        if (model_open_memory(&m, data, n, &o, NULL) != 0) continue;
        one_step(m);
        model_close(m);
    }
    return 0;
}
