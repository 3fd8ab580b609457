/* Fuzz: a grammar from a stranger, up to a 0 byte, and behind it token ids to take. What parses has masks, each allowed id can
 * be taken, each taken id was allowed, and a second run that only hears the ids, with other room for what it remembers, stands
 * where the first does. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/model/fuzz_vocab.h"

#include "model/grammar_run.h"

enum { IDS = 24, REPEATS = 99 };

/* So little that tables are emptied and limits are met: the limits of an answer would take seconds to get to. */
static const struct gram_room little = {64, 256, 2048, 4096}, more = {256, 1024, 4096, 16384};
static struct vocab *v;
static struct gram_trie *trie;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    v = fuzz_vocab(NULL);
    CHECK(gram_trie_new(&trie, v) == 0);
    return 0;
}

static struct gram_run *start(const char *text, size_t n, const struct gram_room *room) {
    struct grammar *g;
    struct gram_run *r;
    struct why why = {{0}};
    int e = grammar_parse(&g, text, n, &why);
    CHECK(e == 0 || (why.text[0] && !g));
    if (e != 0) return NULL;
    e = gram_run_new_in(&r, g, trie, v, 1, room);
    CHECK(e == 0 || e == ERR_LIMIT);
    return r;
}

static void take_ids(struct gram_run *r, struct gram_run *told, const uint8_t *ids, size_t n) {
    const uint32_t *bits, *other;
    for (size_t i = 0; i < n && i < IDS; i++) {
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

/* Repetitions over REPEATS make programs of some 100,000 parts: slow, and nothing new. */
static int repeats_much(const uint8_t *p, size_t n) {
    unsigned number = 0;
    for (size_t i = 0; i < n; i++) {
        number = p[i] >= '0' && p[i] <= '9' ? 10 * (number % 1000) + (p[i] - '0') : 0;
        if (number > REPEATS && memchr(p, '{', i)) return 1;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const uint8_t *end = n ? memchr(data, 0, n) : NULL;
    size_t text = end ? (size_t)(end - data) : n;
    if (repeats_much(data, text)) return 0;
    char *own = fuzz_copy(data, text);
    struct gram_run *r = start(own, text, &little), *told = r && end ? start(own, text, &more) : NULL;
    free(own); /* a grammar does not need its text any more */
    if (told) take_ids(r, told, end + 1, n - text - 1);
    gram_run_free(r);
    gram_run_free(told);
    return 0;
}
