/* Fuzz: a grammar from a stranger, up to a 0 byte, and behind it token ids to take. What parses has masks, each allowed id can
 * be taken, each taken id was allowed, and a second run that only hears the ids stands where the first does. */
#include "tests/fuzz/model/fuzz_vocab.h"

#include "model/grammar_run.h"

#define CHECK(c)           \
    do {                   \
        if (!(c)) abort(); \
    } while (0)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct vocab *v;
static struct gram_trie *trie;

static struct gram_run *start(const char *text, size_t n) {
    struct grammar *g;
    struct gram_run *r;
    struct why why = {{0}};
    int e = grammar_parse(&g, text, n, &why);
    CHECK(e == 0 || (why.text[0] && !g));
    if (e != 0) return NULL;
    e = gram_run_new(&r, g, trie, v, 1);
    CHECK(e == 0 || e == ERR_LIMIT || e == ERR_NOMEM);
    return r;
}

static void take_ids(struct gram_run *r, struct gram_run *told, const uint8_t *ids, size_t n) {
    const uint32_t *bits, *other;
    for (size_t i = 0; i < n && i < 64; i++) {
        int e = gram_run_mask(r, &bits);
        CHECK(e == 0 || e == ERR_UNSUPPORTED || e == ERR_LIMIT);
        if (e != 0) return;
        int32_t id = (int32_t)(ids[i] * 31u % vocab_size(v));
        int ends = vocab_is_eog(v, id), allowed = bits[id / 32] >> id % 32 & 1;
        if (ends) CHECK(allowed == gram_run_may_end(r));
        gram_run_accept(told, id);
        gram_run_accept(r, id);
        CHECK((r->err == 0) == allowed || r->err == ERR_LIMIT);
        CHECK(r->err == told->err || told->err == ERR_LIMIT || r->err == ERR_LIMIT);
        if (r->err || told->err || ends) return;
    }
    if (gram_run_mask(r, &bits) != 0 || gram_run_mask(told, &other) != 0) return;
    CHECK(memcmp(bits, other, (vocab_size(v) + 31) / 32 * sizeof *bits) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!v) {
        v = fuzz_vocab(NULL);
        CHECK(gram_trie_new(&trie, v) == 0);
    }
    const uint8_t *end = n ? memchr(data, 0, n) : NULL;
    size_t text = end ? (size_t)(end - data) : n;
    struct gram_run *r = start((const char *)data, text), *told = r ? start((const char *)data, text) : NULL;
    if (r && told && end) take_ids(r, told, end + 1, n - text - 1);
    gram_run_free(r);
    gram_run_free(told);
    return 0;
}
