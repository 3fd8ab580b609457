/* Kept pages: found under their own salt and path only, zeroed when they go, the longest unused first and never while in use.
 * Guesses: what followed before, periods, and the pace. */
#include "tests/check.h"

#include "math/kv_page.h"
#include "model/ngram.h"
#include "model/prefix.h"

enum { PAGES = 8, PAGE_BYTES = 128 };
static struct kv_pool kv;
static struct prefix cache;
static int32_t ids[PAGES * KV_PAGE];
static const uint8_t salt_a[16] = {1}, salt_b[16] = {2};

static void begin(void) {
    CHECK_INT(kv_pool_init(&kv, PAGE_BYTES, PAGES), 0);
    CHECK_INT(prefix_init(&cache, &kv), 0);
    for (int i = 0; i < PAGES * KV_PAGE; i++) ids[i] = i * 7 % 1000;
}
static void end(void) {
    prefix_release(&cache);
    CHECK_INT(kv.free_count, PAGES);
    kv_pool_release(&kv);
}

/* A sequence of `pages` pages, all full of bytes `fill`, kept under salt. */
static void fill(struct kv_seq *s, const uint8_t *salt, uint32_t pages, uint8_t fill_with, uint64_t now) {
    struct prefix_path path;
    CHECK_INT(kv_seq_init(s, PAGES * KV_PAGE), 0);
    CHECK_INT(kv_seq_reserve(s, &kv, pages * KV_PAGE), 0);
    prefix_begin(&cache, &path, salt);
    for (uint32_t i = 0; i < pages; i++) {
        memset(s->page[i], fill_with, PAGE_BYTES);
        prefix_add(&cache, &path, ids + i * KV_PAGE, s->page[i], now);
    }
    s->length = pages * KV_PAGE;
}

static uint32_t depth_under(const uint8_t *salt, uint64_t now) {
    struct prefix_path path;
    prefix_begin(&cache, &path, salt);
    while (path.depth < PAGES && prefix_find(&cache, &path, ids + path.depth * KV_PAGE, now)) {}
    return path.depth;
}

static int all_zero(const uint8_t *p) {
    uint8_t any = 0;
    for (unsigned i = 0; i < PAGE_BYTES; i++) any |= p[i];
    return any == 0;
}

TEST(a_page_is_found_by_its_salt_and_all_ids_before_it) {
    struct kv_seq s;
    begin();
    fill(&s, salt_a, 3, 0x55, 10);
    CHECK_INT(depth_under(salt_a, 11), 3);
    CHECK_INT(depth_under(salt_b, 11), 0);
    ids[0]++; /* the first id changes every key */
    CHECK_INT(depth_under(salt_a, 11), 0);
    ids[0]--, ids[KV_PAGE]++;
    CHECK_INT(depth_under(salt_a, 11), 1);
    ids[KV_PAGE]--;
    struct prefix other; /* another pool's cache has another secret */
    struct prefix_path x, y;
    CHECK_INT(prefix_init(&other, &kv), 0);
    prefix_begin(&cache, &x, salt_a);
    prefix_begin(&other, &y, salt_a);
    CHECK(memcmp(x.key, y.key, sizeof x.key) != 0);
    prefix_release(&other);
    kv_seq_release(&s, &kv);
    CHECK_INT(kv.free_count, PAGES - 3);
    CHECK_INT(depth_under(salt_a, 12), 3);
    end();
}

TEST(pages_are_zeroed_when_they_go_and_stay_while_somebody_uses_them) {
    struct kv_seq a, b, reader;
    begin();
    fill(&a, salt_a, 2, 0x11, 10);
    fill(&b, salt_b, 2, 0x22, 10);
    uint8_t *pa = a.page[0], *pb = b.page[0];
    kv_seq_release(&a, &kv);
    kv_seq_release(&b, &kv);
    CHECK(!all_zero(pa) && !all_zero(pb));
    CHECK_INT(kv_seq_init(&reader, PAGES * KV_PAGE), 0);
    CHECK_INT(kv_seq_reserve(&reader, &kv, 2 * KV_PAGE), 0);
    CHECK_INT(kv.free_count, 2);
    CHECK_INT(kv_seq_adopt(&reader, &kv, pb), 0); /* its own first page goes back */
    CHECK_INT(kv.free_count, 3);
    CHECK_INT(reader.length, KV_PAGE);
    prefix_forget(&cache, salt_b);
    CHECK_INT(depth_under(salt_b, 11), 0);
    CHECK_INT(depth_under(salt_a, 11), 2); /* the other salt's are untouched */
    CHECK(pb[0] == 0x22 && kv_page_holders(&kv, pb) == 1);
    kv_seq_release(&reader, &kv);
    CHECK(all_zero(pb) && !all_zero(pa));
    prefix_expire(&cache, 11);
    CHECK_INT(depth_under(salt_a, 12), 2); /* used at 11 */
    prefix_expire(&cache, 13);
    CHECK_INT(depth_under(salt_a, 13), 0);
    CHECK(all_zero(pa));
    end();
}

TEST(the_longest_unused_goes_first_and_the_deeper_of_equals) {
    struct kv_seq a, b;
    begin();
    fill(&a, salt_a, 4, 1, 10);
    fill(&b, salt_b, 3, 2, 20);
    kv_seq_release(&a, &kv);
    CHECK_INT(kv.free_count, 1);
    CHECK_INT(prefix_evict(&cache, 3), 1); /* b's are in use */
    CHECK_INT(depth_under(salt_a, 30), 2);
    CHECK_INT(depth_under(salt_b, 20), 3);
    CHECK_INT(prefix_evict(&cache, 6), 0); /* cannot be: nothing is dropped */
    CHECK_INT(depth_under(salt_a, 30), 2);
    kv_seq_release(&b, &kv);
    CHECK_INT(prefix_evict(&cache, 6), 1);
    CHECK_INT(depth_under(salt_b, 40), 0); /* older than a's last use */
    CHECK_INT(depth_under(salt_a, 40), 2);
    CHECK_INT(prefix_evict(&cache, PAGES), 1);
    CHECK_INT(cache.count, 0);
    end();
}

TEST(a_rewound_sequence_zeroes_what_it_ever_wrote) {
    struct kv_seq s;
    begin();
    CHECK_INT(kv_seq_init(&s, PAGES * KV_PAGE), 0);
    CHECK_INT(kv_seq_reserve(&s, &kv, 2 * KV_PAGE), 0);
    uint8_t *second = s.page[1];
    memset(second, 0x77, PAGE_BYTES);
    s.length = KV_PAGE + 3;
    kv_seq_rewind(&s, KV_PAGE - 1); /* guesses over the page's edge were wrong */
    kv_seq_release(&s, &kv);
    CHECK(all_zero(second));
    end();
}

/* ---- guesses ---- */

TEST(guesses_are_what_followed_the_last_three_ids_before) {
    struct ngram n;
    int32_t text[32] = {1, 2, 3, 4, 5, 6, 9, 1, 2, 3};
    CHECK_INT(ngram_init(&n, 32), 0);
    CHECK_INT(ngram_guess(&n, text, 2, 4), 0);
    CHECK_INT(ngram_guess(&n, text, 9, 4), 0); /* 9 1 2 was not there before */
    CHECK_INT(ngram_guess(&n, text, 10, 4), 4);
    CHECK(text[10] == 4 && text[11] == 5 && text[12] == 6 && text[13] == 9);
    text[10] = 8; /* the guess was wrong: the text goes on in its own way */
    CHECK_INT(ngram_guess(&n, text, 11, 4), 0);
    text[11] = 1, text[12] = 2, text[13] = 3;
    CHECK_INT(ngram_guess(&n, text, 14, 2), 2);
    CHECK(text[14] == 8 && text[15] == 1); /* the last occurrence counts */
    ngram_release(&n);
    int32_t period[32] = {5, 6, 5, 6, 5, 6};
    CHECK_INT(ngram_init(&n, 32), 0);
    CHECK_INT(ngram_guess(&n, period, 6, 8), 8);
    for (int i = 0; i < 8; i++) CHECK_INT(period[6 + i], i % 2 ? 6 : 5);
    ngram_release(&n);
}

TEST(guessing_backs_off_and_comes_back) {
    struct guess_pace p;
    guess_pace_init(&p, 4);
    uint32_t tries = 0, fed = 0;
    for (int token = 0; token < 1000; token++) { /* never right */
        uint32_t k = guess_pace_next(&p);
        tries += k > 0, fed += k;
        if (k) guess_pace_learn(&p, k, 0);
    }
    CHECK(tries < 36 && fed < 38); /* one of 33 tokens, one guess each */
    for (int i = 0; i < GUESS_PAUSE_MAX; i++) (void)guess_pace_next(&p);
    for (int i = 0; i < 4; i++) {
        uint32_t k = guess_pace_next(&p);
        CHECK(k > 0);
        guess_pace_learn(&p, k, k);
    }
    CHECK_INT(guess_pace_next(&p), 4);
    guess_pace_init(&p, 0);
    CHECK_INT(guess_pace_next(&p), 0);
}

TESTS_MAIN("prefix", T(a_page_is_found_by_its_salt_and_all_ids_before_it),
           T(pages_are_zeroed_when_they_go_and_stay_while_somebody_uses_them),
           T(the_longest_unused_goes_first_and_the_deeper_of_equals), T(a_rewound_sequence_zeroes_what_it_ever_wrote),
           T(guesses_are_what_followed_the_last_three_ids_before), T(guessing_backs_off_and_comes_back))
