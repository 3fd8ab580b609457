/* Merkle proofs: every line of the vectors of transparency-dev/merkle, and proofs of our own beside a tree that is kept whole. */
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "evidence/tlog_merkle.h"
#include "tests/check.h"

#define VECTORS "tests/data/evidence/merkle-rfc6962/"

/* ---- the vectors ---- */

/* A number of up to 64 bits: JSON's integers end at 63. */
static uint64_t number(const char *line, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    CHECK(at != NULL);
    return strtoull(at + strlen(quoted), NULL, 10);
}

/* The next text in quotes: 0, or what tlog_hash_read says of it. *at moves behind it. */
static int next_hash(struct tlog_hash *out, const char **at) {
    const char *from = strchr(*at, '"') + 1, *to = strchr(from, '"');
    *at = to + 1;
    return tlog_hash_read(out, from, (size_t)(to - from));
}

static int member_hash(struct tlog_hash *out, const char *line, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    CHECK(at != NULL);
    at += strlen(quoted);
    return next_hash(out, &at);
}

/* Two vectors have texts for roots ("don't care 2") where only their being equal counts. Our roots are 32 bytes: the text's hash stands
 * for it, equal for equal texts and no others. */
static int member_root(struct tlog_hash *out, const char *line, const char *key) {
    char quoted[32];
    if (member_hash(out, line, key) == 0) return 0;
    snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    const char *from = strstr(line, quoted) + strlen(quoted);
    if (*from == '"') return ERR_FORMAT;
    sha256_of(out->b, from, strcspn(from, "\""));
    return 0;
}

static int read_proof(struct tlog_proof *out, const char *line) {
    int r = 0;
    out->count = 0;
    const char *at = strstr(line, "\"proof\":") + 8;
    if (strncmp(at, "null", 4) == 0) return 0;
    const char *end = strchr(at, ']');
    while (memchr(at, '"', (size_t)(end - at)) && r == 0) {
        if (out->count == TLOG_PROOF_MAX) return ERR_LIMIT;
        r = next_hash(&out->hash[out->count++], &at);
    }
    return r;
}

static int inclusion(const char *line, const struct tlog_proof *proof) {
    struct tlog_hash leaf, root;
    int r = member_hash(&leaf, line, "leafHash");
    if (r == 0) r = member_hash(&root, line, "root");
    return r ? r : tlog_inclusion_check(&leaf, number(line, "leafIdx"), number(line, "treeSize"), &root, proof);
}
static int consistency(const char *line, const struct tlog_proof *proof) {
    struct tlog_hash one, two;
    int r = member_root(&one, line, "root1");
    if (r == 0) r = member_root(&two, line, "root2");
    return r ? r : tlog_consistency_check(number(line, "size1"), &one, number(line, "size2"), &two, proof);
}
static int subtree_inclusion(const char *line, const struct tlog_proof *proof) {
    struct tlog_hash leaf, root;
    int r = member_hash(&leaf, line, "leafHash");
    if (r == 0) r = member_hash(&root, line, "root");
    return r ? r
             : tlog_subtree_inclusion_check(&leaf, number(line, "leafIdx"), number(line, "start"), number(line, "end"), &root,
                                            proof);
}
static int subtree_consistency(const char *line, const struct tlog_proof *proof) {
    struct tlog_hash one, two;
    int r = member_root(&one, line, "root1");
    if (r == 0) r = member_root(&two, line, "root2");
    return r ? r
             : tlog_subtree_consistency_check(number(line, "start"), number(line, "end"), &one, number(line, "size"), &two,
                                              proof);
}

static void every_line(const char *path, int (*judge)(const char *line, const struct tlog_proof *proof), int lines,
                       int good_lines) {
    struct buf b;
    int seen = 0, good = 0;
    CHECK_INT(file_read(&b, path, 1 << 20, NULL), 0);
    for (char *line = (char *)b.data, *end; *line; line = end + 1, seen++) {
        struct tlog_proof proof;
        end = strchr(line, '\n');
        *end = 0;
        int want_error = strstr(line, "\"wantErr\":true") != NULL, r = read_proof(&proof, line);
        if (r == 0) r = judge(line, &proof);
        if ((r != 0) != want_error) print_error("%s\n", line);
        CHECK_INT(r != 0, want_error);
        good += r == 0;
    }
    CHECK_INT(seen, lines);
    CHECK_INT(good, good_lines);
    buf_release(&b);
}

TEST(every_inclusion_vector_gets_its_verdict) { every_line(VECTORS "inclusion.jsonl", inclusion, 98, 6); }
TEST(every_consistency_vector_gets_its_verdict) { every_line(VECTORS "consistency.jsonl", consistency, 98, 6); }
TEST(every_subtree_inclusion_vector_gets_its_verdict) {
    every_line(VECTORS "subtreeinclusion.jsonl", subtree_inclusion, 204, 12);
}
TEST(every_subtree_consistency_vector_gets_its_verdict) {
    every_line(VECTORS "subtreeconsistency.jsonl", subtree_consistency, 118, 12);
}

/* ---- our own proofs ---- */

enum { LEAVES = 130 };
static struct tlog_hash leaf[LEAVES];

/* RFC 6962's definition, word for word. */
static struct tlog_hash by_definition(uint64_t lo, uint64_t hi) {
    if (hi - lo == 1) return leaf[lo];
    uint64_t k = 1;
    while (2 * k < hi - lo) k *= 2;
    struct tlog_hash left = by_definition(lo, lo + k), right = by_definition(lo + k, hi), out;
    tree_node_hash(out.b, left.b, right.b);
    return out;
}

static int whole_subtree(void *arg, unsigned level, uint64_t index, struct tlog_hash *out) {
    (void)arg;
    uint64_t lo = index << level, hi = (index + 1) << level;
    CHECK(hi <= LEAVES);
    *out = by_definition(lo, hi);
    return 0;
}

static const struct tlog_source source = {whole_subtree, NULL};
static void make_leaves(void) {
    for (unsigned i = 0; i < LEAVES; i++) tree_leaf_hash(leaf[i].b, &i, sizeof i);
}

/* PATH of RFC 6962, 2.1.1, by recursion. */
static void path_by_definition(struct tlog_proof *p, uint64_t m, uint64_t lo, uint64_t hi) {
    if (hi - lo == 1) return;
    uint64_t k = 1;
    while (2 * k < hi - lo) k *= 2;
    if (m < k) {
        path_by_definition(p, m, lo, lo + k);
        p->hash[p->count++] = by_definition(lo + k, hi);
    } else {
        path_by_definition(p, m - k, lo + k, hi);
        p->hash[p->count++] = by_definition(lo, lo + k);
    }
}

/* SUBPROOF of 2.1.2. */
static void subproof_by_definition(struct tlog_proof *p, uint64_t m, uint64_t lo, uint64_t hi, int whole) {
    if (m == hi - lo) {
        if (!whole) p->hash[p->count++] = by_definition(lo, hi);
        return;
    }
    uint64_t k = 1;
    while (2 * k < hi - lo) k *= 2;
    if (m <= k) {
        subproof_by_definition(p, m, lo, lo + k, whole);
        p->hash[p->count++] = by_definition(lo + k, hi);
    } else {
        subproof_by_definition(p, m - k, lo + k, hi, 0);
        p->hash[p->count++] = by_definition(lo, lo + k);
    }
}

static void same(const struct tlog_proof *a, const struct tlog_proof *b) {
    CHECK_INT(a->count, b->count);
    CHECK_MEM(a->hash, b->hash, a->count * sizeof *a->hash);
}

TEST(proofs_are_the_definitions_at_every_size_and_verify) {
    make_leaves();
    for (uint64_t size = 1; size <= LEAVES; size++) {
        struct tlog_hash root, whole = by_definition(0, size);
        CHECK_INT(tlog_root(&root, &source, size), 0);
        CHECK(tlog_hash_equal(&root, &whole));
        for (uint64_t m = 0; m < size; m++) {
            struct tlog_proof made, want = {.count = 0};
            CHECK_INT(tlog_inclusion_make(&made, &source, m, size), 0);
            path_by_definition(&want, m, 0, size);
            same(&made, &want);
            CHECK_INT(tlog_inclusion_check(&leaf[m], m, size, &root, &made), 0);
            CHECK_INT(tlog_inclusion_check(&leaf[m], m ^ 1, size, &root, &made) == 0, 0);
        }
        for (uint64_t m = 1; m <= size; m++) {
            struct tlog_proof made, want = {.count = 0};
            struct tlog_hash before = by_definition(0, m);
            CHECK_INT(tlog_consistency_make(&made, &source, m, size), 0);
            subproof_by_definition(&want, m, 0, size, 1);
            same(&made, &want);
            CHECK_INT(tlog_consistency_check(m, &before, size, &root, &made), 0);
            if (m < size) CHECK(tlog_consistency_check(m, &root, size, &root, &made) != 0);
        }
    }
}

TEST(any_changed_bit_longer_or_shorter_proof_is_refused) {
    struct tlog_proof p, q;
    struct tlog_hash root, old;
    make_leaves();
    CHECK_INT(tlog_root(&root, &source, 101), 0);
    CHECK_INT(tlog_root(&old, &source, 37), 0);
    CHECK_INT(tlog_inclusion_make(&p, &source, 77, 101), 0);
    CHECK_INT(tlog_consistency_make(&q, &source, 37, 101), 0);
    for (unsigned bit = 0; bit < p.count * 256; bit++) {
        p.hash[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_INT(tlog_inclusion_check(&leaf[77], 77, 101, &root, &p), ERR_AUTH);
        p.hash[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned bit = 0; bit < q.count * 256; bit++) {
        q.hash[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_INT(tlog_consistency_check(37, &old, 101, &root, &q), ERR_AUTH);
        q.hash[bit / 256].b[bit % 256 / 8] ^= (uint8_t)(1 << bit % 8);
    }
    p.count++, q.count++;
    CHECK_INT(tlog_inclusion_check(&leaf[77], 77, 101, &root, &p), ERR_AUTH);
    CHECK_INT(tlog_consistency_check(37, &old, 101, &root, &q), ERR_AUTH);
    p.count -= 2, q.count -= 2;
    CHECK_INT(tlog_inclusion_check(&leaf[77], 77, 101, &root, &p), ERR_AUTH);
    CHECK_INT(tlog_consistency_check(37, &old, 101, &root, &q), ERR_AUTH);
}

TEST(sizes_for_which_there_is_no_proof_are_refused) {
    struct tlog_proof p = {.count = 0};
    struct tlog_hash nothing;
    make_leaves();
    CHECK_INT(tlog_root(&nothing, &source, 0), 0);
    CHECK_INT(tlog_inclusion_check(&nothing, 0, 0, &nothing, &p), ERR_RANGE);
    CHECK_INT(tlog_inclusion_check(&nothing, 1, 1, &nothing, &p), ERR_RANGE);
    CHECK_INT(tlog_inclusion_check(&nothing, 0, UINT64_MAX, &nothing, &p), ERR_RANGE);
    CHECK_INT(tlog_consistency_check(0, &nothing, 0, &nothing, &p), ERR_RANGE);
    CHECK_INT(tlog_consistency_check(0, &nothing, 5, &leaf[0], &p), ERR_RANGE);
    CHECK_INT(tlog_consistency_check(5, &nothing, 4, &nothing, &p), ERR_RANGE);
    CHECK_INT(tlog_subtree_consistency_check(1, 3, &nothing, 4, &nothing, &p), ERR_RANGE);
    CHECK_INT(tlog_subtree_consistency_check(0, 1, &nothing, UINT64_MAX, &nothing, &p), ERR_RANGE);
    CHECK_INT(tlog_inclusion_make(&p, &source, 3, 3), ERR_RANGE);
    CHECK_INT(tlog_inclusion_make(&p, &source, 0, 0), ERR_RANGE);
    CHECK_INT(tlog_inclusion_make(&p, &source, 0, UINT64_MAX), ERR_RANGE);
    CHECK_INT(tlog_consistency_make(&p, &source, 0, 3), ERR_RANGE);
    CHECK_INT(tlog_consistency_make(&p, &source, 4, 3), ERR_RANGE);
}

TEST(a_hash_that_is_not_32_bytes_in_plain_base64_is_none) {
    static const char *const bad[] = {"",
                                      "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0",
                                      "bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0=",
                                      "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB1=",
                                      "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoA==",
                                      "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0\n"};
    struct tlog_hash h;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_INT(tlog_hash_read(&h, bad[i], strlen(bad[i])), ERR_FORMAT);
    CHECK_INT(tlog_hash_read(&h, "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=", 44), 0);
}

TESTS_MAIN("tlog_merkle", T(every_inclusion_vector_gets_its_verdict), T(every_consistency_vector_gets_its_verdict),
           T(every_subtree_inclusion_vector_gets_its_verdict), T(every_subtree_consistency_vector_gets_its_verdict),
           T(proofs_are_the_definitions_at_every_size_and_verify), T(any_changed_bit_longer_or_shorter_proof_is_refused),
           T(sizes_for_which_there_is_no_proof_are_refused), T(a_hash_that_is_not_32_bytes_in_plain_base64_is_none))
