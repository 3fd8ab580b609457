/* Hint files: built while rows stream by, resumed, opened only when whole and right, checked when somebody else made them. */
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "blind/hint_build.h"
#include "blind/hint_check.h"
#include "tests/unit/blind/lattice_util.h"

enum { STACKS = 3, RANK = 2, COLS_MAX = 40 };
static const uint32_t rows_of[STACKS] = {100, 7, 193}, cols_of[STACKS] = {24, 40, 9};

struct scene {
    char dir[64], path[96];
    struct linear linear[STACKS];
    int8_t *w[STACKS];
    struct lattice_public a;
    struct hint_id id;
    const struct kern *k;
};
static void scene_new(struct scene *s) {
    struct lrng r = {80};
    memset(s, 0, sizeof *s);
    strcpy(s->dir, "/tmp/lull-hint-XXXXXX");
    CHECK(mkdtemp(s->dir) != NULL);
    snprintf(s->path, sizeof s->path, "%s/hint", s->dir);
    for (int i = 0; i < STACKS; i++) {
        s->linear[i] = (struct linear){.rows = rows_of[i], .cols = cols_of[i], .field = field_of(1)};
        s->w[i] = malloc((size_t)rows_of[i] * cols_of[i]);
        for (size_t j = 0; j < (size_t)rows_of[i] * cols_of[i]; j++) s->w[i][j] = (int8_t)((int)(lrng_u32(&r) % 255) - 127);
    }
    memcpy(s->id.manifest, lattice_manifest, 32);
    s->id.rank = RANK, s->id.stacks = STACKS, s->id.linear = s->linear;
    CHECK_INT(lattice_public_new(&s->a, lattice_manifest, COLS_MAX, RANK, NULL), 0);
    CHECK_INT(kern_select(&s->k, NULL, NULL), 0);
}
static const char *beside(const struct scene *s, const char *suffix) {
    static char path[128];
    snprintf(path, sizeof path, "%s%s", s->path, suffix);
    return path;
}
static void scene_free(struct scene *s) {
    unlink(s->path), unlink(beside(s, ".part")), unlink(beside(s, ".journal"));
    CHECK_INT(rmdir(s->dir), 0); /* nothing else was left */
    for (int i = 0; i < STACKS; i++) free(s->w[i]);
    lattice_public_free(&s->a);
}

static struct hint_build *start(const struct scene *s, struct pool *pool) {
    struct hint_build *b = NULL;
    struct why why = {0};
    if (hint_build_open(&b, s->path, &s->id, &s->a, s->k, pool, &why) != 0) print_message("%s\n", why.text);
    return b;
}
static int stream(const struct scene *s, struct hint_build *b, uint32_t stack, uint32_t first, uint32_t count) {
    return hint_build_rows(b, stack, first, count, s->w[stack] + (size_t)first * cols_of[stack], NULL);
}
static void build(const struct scene *s, struct pool *pool, uint8_t digest[32]) {
    struct hint_build *b = start(s, pool);
    CHECK(b != NULL);
    for (uint32_t i = 0; i < STACKS; i++)
        for (uint32_t at = 0; at < rows_of[i];) {
            uint32_t n = rows_of[i] - at < 97 ? rows_of[i] - at : 97;
            CHECK_INT(stream(s, b, i, at, n), 0);
            at += n;
        }
    CHECK_INT(hint_build_finish(b, digest, NULL), 0);
    hint_build_close(b);
}
static int opens(const struct scene *s, const uint8_t *kept, struct why *why) {
    struct hint h;
    int r = hint_open(&h, s->path, &s->id, kept, NULL, why);
    CHECK(r == 0 || (h.map.data == NULL && h.offset == NULL));
    hint_close(&h);
    return r;
}
static struct buf contents(const struct scene *s) {
    struct buf b;
    CHECK_INT(file_read(&b, s->path, 1 << 24, NULL), 0);
    return b;
}

/* ---- building ---- */

TEST(hint_is_the_product_of_weights_and_public_vectors) {
    struct scene s;
    struct pool *pool;
    scene_new(&s);
    CHECK_INT(pool_new(&pool, 3, NULL), 0);
    for (int threads = 0; threads < 2; threads++) {
        uint8_t digest[32];
        struct hint h;
        uint32_t want[RANK * NTT_N];
        build(&s, threads ? pool : NULL, digest);
        CHECK_INT(hint_open(&h, s.path, &s.id, digest, threads ? pool : NULL, NULL), 0);
        CHECK_MEM(h.digest, digest, 32);
        for (uint32_t i = 0; i < STACKS; i++)
            for (uint32_t row = 0; row < rows_of[i]; row++) {
                naive_hint(want, s.w[i] + (size_t)row * cols_of[i], &s.a, cols_of[i]);
                CHECK_MEM(hint_stack(&h, i) + (size_t)row * RANK * NTT_N, want, sizeof want);
            }
        hint_close(&h);
        CHECK(access(beside(&s, ".part"), F_OK) != 0 && access(beside(&s, ".journal"), F_OK) != 0);
        unlink(s.path);
    }
    pool_free(pool);
    scene_free(&s);
}

TEST(an_interrupted_build_goes_on_where_stacks_were_whole) {
    struct scene s;
    uint8_t once[32], resumed[32];
    uint64_t done, all;
    scene_new(&s);
    build(&s, NULL, once);
    CHECK_INT(unlink(s.path), 0);
    struct hint_build *b = start(&s, NULL);
    CHECK_INT(stream(&s, b, 1, 0, 7), 0);
    CHECK_INT(stream(&s, b, 0, 0, 60), 0); /* not whole */
    hint_build_close(b);
    b = start(&s, NULL);
    CHECK(!hint_build_has(b, 0) && hint_build_has(b, 1) && !hint_build_has(b, 2));
    hint_build_progress(b, &done, &all);
    CHECK_INT(done, 7 * 40);
    CHECK_INT(all, 100 * 24 + 7 * 40 + 193 * 9);
    CHECK_INT(hint_build_finish(b, resumed, NULL), ERR_WRONG_STATE);
    CHECK_INT(stream(&s, b, 1, 0, 7), ERR_WRONG_STATE); /* it is there */
    CHECK_INT(stream(&s, b, 2, 0, 193), 0);
    hint_build_close(b);
    b = start(&s, NULL);
    CHECK_INT(stream(&s, b, 0, 0, 100), 0);
    CHECK_INT(hint_build_finish(b, resumed, NULL), 0);
    hint_build_close(b);
    CHECK_MEM(once, resumed, 32);
    CHECK_INT(opens(&s, once, NULL), 0);
    scene_free(&s);
}

/* Whatever a crash left of the journal: what it does not say whole is made again, and the result is right. */
TEST(a_damaged_journal_costs_time_and_nothing_else) {
    struct scene s;
    uint8_t once[32], again[32];
    scene_new(&s);
    build(&s, NULL, once);
    CHECK_INT(unlink(s.path), 0);
    for (int damage = 0; damage < 4; damage++) {
        struct hint_build *b = start(&s, NULL);
        CHECK_INT(stream(&s, b, 0, 0, 100) | stream(&s, b, 2, 0, 193), 0);
        hint_build_close(b);
        int fd = open(beside(&s, ".journal"), O_RDWR);
        if (damage == 0) CHECK_INT(ftruncate(fd, 32 + 48 + 20), 0);         /* the second line cut */
        if (damage == 1) CHECK_INT(pwrite(fd, "x", 1, 32 + 48 + 9), 1);     /* its digest changed */
        if (damage == 2) CHECK_INT(pwrite(fd, "x", 1, 3), 1);               /* another identity */
        if (damage == 3) CHECK_INT(truncate(beside(&s, ".part"), 4096), 0); /* the data are gone */
        close(fd);
        b = start(&s, NULL);
        CHECK_INT(hint_build_has(b, 0), damage < 2);
        CHECK(!hint_build_has(b, 2));
        if (damage >= 2) CHECK_INT(stream(&s, b, 0, 0, 100), 0);
        CHECK_INT(stream(&s, b, 1, 0, 7) | stream(&s, b, 2, 0, 193), 0);
        CHECK_INT(hint_build_finish(b, again, NULL), 0);
        hint_build_close(b);
        CHECK_MEM(once, again, 32);
        CHECK_INT(opens(&s, once, NULL), 0);
        CHECK_INT(unlink(s.path), 0);
    }
    scene_free(&s);
}

TEST(a_journal_without_its_data_is_not_believed) {
    struct scene s;
    scene_new(&s);
    struct hint_build *b = start(&s, NULL);
    CHECK_INT(stream(&s, b, 1, 0, 7), 0);
    hint_build_close(b);
    CHECK_INT(unlink(beside(&s, ".part")), 0);
    b = start(&s, NULL);
    CHECK(!hint_build_has(b, 1));
    hint_build_close(b);
    b = start(&s, NULL); /* nor after the data file has its size again */
    CHECK(!hint_build_has(b, 1));
    hint_build_close(b);
    scene_free(&s);
}

/* And if the disk is full when the data file is made again, the old journal is gone by then. */
TEST(a_full_disk_is_refused_before_any_work) {
    struct scene s;
    struct why why = {0};
    struct rlimit old, small;
    scene_new(&s);
    struct hint_build *b = start(&s, NULL);
    CHECK_INT(stream(&s, b, 1, 0, 7), 0);
    hint_build_close(b);
    CHECK_INT(unlink(beside(&s, ".part")), 0);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old, small.rlim_cur = 8192;
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &small) == 0);
    int r = hint_build_open(&b, s.path, &s.id, &s.a, s.k, NULL, &why);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
    CHECK_INT(r, ERR_IO);
    CHECK(strstr(why.text, "bytes are needed") != NULL && access(beside(&s, ".journal"), F_OK) != 0);
    scene_free(&s);
}

TEST(rows_out_of_order_are_refused) {
    struct scene s;
    scene_new(&s);
    struct hint_build *b = start(&s, NULL), *second = NULL;
    struct why why = {0};
    CHECK_INT(hint_build_open(&second, s.path, &s.id, &s.a, s.k, NULL, &why), ERR_BUSY);
    CHECK(second == NULL && why.text[0] != 0);
    CHECK_INT(stream(&s, b, 0, 1, 1), ERR_WRONG_STATE);
    CHECK_INT(stream(&s, b, 0, 0, 50), 0);
    CHECK_INT(stream(&s, b, 0, 49, 1), ERR_WRONG_STATE);
    CHECK_INT(stream(&s, b, 0, 51, 1), ERR_WRONG_STATE);
    CHECK_INT(stream(&s, b, 2, 50, 1), ERR_WRONG_STATE);
    CHECK_INT(stream(&s, b, 2, 0, 1), ERR_WRONG_STATE); /* stack 0 is not whole */
    CHECK_INT(hint_build_rows(b, STACKS, 0, 1, s.w[0], NULL), ERR_WRONG_STATE);
    CHECK_INT(hint_build_rows(b, 0, 50, 51, s.w[0], NULL), ERR_WRONG_STATE);
    CHECK_INT(hint_build_rows(b, 0, 50, 0, s.w[0], NULL), ERR_WRONG_STATE);
    CHECK_INT(stream(&s, b, 0, 50, 50), 0);
    hint_build_close(b);
    uint8_t digest[32];
    CHECK_INT(unlink(beside(&s, ".part")), 0);
    build(&s, NULL, digest);
    CHECK_INT(hint_build_open(&b, s.path, &s.id, &s.a, s.k, NULL, &why), ERR_EXISTS);
    scene_free(&s);
}

/* ---- opening ---- */

TEST(a_hint_of_another_model_is_refused_with_the_reason) {
    struct scene s;
    struct why why = {0};
    uint8_t digest[32];
    scene_new(&s);
    build(&s, NULL, digest);
    CHECK_INT(opens(&s, NULL, NULL), 0);
    s.id.manifest[31] ^= 1;
    CHECK_INT(opens(&s, NULL, &why), ERR_AUTH);
    CHECK(strstr(why.text, "another model") != NULL);
    s.id.manifest[31] ^= 1;
    s.id.rank = 3;
    CHECK_INT(opens(&s, NULL, &why), ERR_RANGE);
    CHECK(strstr(why.text, "rank") != NULL);
    s.id.rank = RANK, s.id.stacks = 2;
    CHECK_INT(opens(&s, NULL, &why), ERR_RANGE);
    s.id.stacks = STACKS, s.linear[1].rows++;
    CHECK(opens(&s, NULL, &why) != 0);
    s.linear[1].rows--, s.linear[1].cols++;
    CHECK_INT(opens(&s, NULL, &why), ERR_RANGE);
    CHECK(strstr(why.text, "stack 1") != NULL);
    s.linear[1].cols--;
    digest[5] ^= 4;
    CHECK_INT(opens(&s, digest, &why), ERR_AUTH);
    unlink(s.path);
    CHECK_INT(opens(&s, NULL, &why), ERR_NOTFOUND);
    scene_free(&s);
}

TEST(a_hint_cut_short_or_longer_is_refused) {
    struct scene s;
    uint8_t digest[32];
    scene_new(&s);
    build(&s, NULL, digest);
    struct buf b = contents(&s);
    for (size_t n = 0; n < b.len; n += n < 300 ? 1 : 4093) {
        struct why why = {0};
        CHECK_INT(truncate(s.path, (off_t)n), 0);
        CHECK_INT(opens(&s, NULL, &why), ERR_SHORT);
        CHECK(why.text[0] != 0);
        CHECK_INT(file_write(s.path, b.data, b.len, 0600, NULL), 0);
    }
    CHECK_INT(truncate(s.path, (off_t)b.len + 4096), 0);
    CHECK_INT(opens(&s, NULL, NULL), ERR_TRAILING);
    buf_release(&b);
    scene_free(&s);
}

TEST(every_changed_byte_is_found) {
    struct scene s;
    uint8_t digest[32];
    scene_new(&s);
    build(&s, NULL, digest);
    struct buf b = contents(&s);
    int fd = open(s.path, O_RDWR);
    for (size_t at = 0; at < b.len; at += at < 64 + 48 * STACKS + 8 ? 1 : 997) {
        uint8_t changed = b.data[at] ^ (uint8_t)(1 << at % 8);
        CHECK_INT(pwrite(fd, &changed, 1, (off_t)at), 1);
        CHECK(opens(&s, NULL, NULL) != 0); /* also without the kept digest */
        CHECK_INT(pwrite(fd, b.data + at, 1, (off_t)at), 1);
    }
    CHECK_INT(opens(&s, digest, NULL), 0);
    close(fd);
    buf_release(&b);
    scene_free(&s);
}

/* Changes one value of a stack and makes the stack's digest fit again, as a dishonest maker would. */
static void forge(const struct scene *s, uint32_t stack, size_t index, uint32_t value) {
    struct buf b = contents(s);
    uint64_t offset[STACKS], size;
    CHECK_INT(hint_layout(&s->id, offset, &size), 0);
    CHECK_INT(size, b.len);
    memcpy(b.data + offset[stack] + 4 * index, &value, 4);
    sha256_of(b.data + HINT_HEAD_BYTES + stack * HINT_STACK_BYTES + 16, b.data + offset[stack],
              (size_t)rows_of[stack] * RANK * NTT_N * 4);
    CHECK_INT(file_write(s->path, b.data, b.len, 0600, NULL), 0);
    buf_release(&b);
}

TEST(values_that_are_no_residues_are_refused) {
    static const uint32_t values[] = {NTT_Q, NTT_Q + 1, 0x7fffffff, 0x80000000, 0xffffffff};
    struct scene s;
    uint8_t digest[32];
    scene_new(&s);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        build(&s, NULL, digest);
        forge(&s, 1, (size_t)7 * RANK * NTT_N - 1, values[i]);
        CHECK_INT(opens(&s, NULL, NULL), ERR_RANGE);
        CHECK_INT(opens(&s, digest, NULL), ERR_AUTH);
        unlink(s.path);
    }
    scene_free(&s);
}

/* ---- checking another's work ---- */

static int passes(const struct scene *s, struct hint_check *c, uint32_t stack) {
    struct hint h;
    CHECK_INT(hint_open(&h, s->path, &s->id, NULL, NULL, NULL), 0);
    int r = hint_check_stack(c, s->k, &h, &s->a, stack, NULL);
    hint_close(&h);
    return r;
}

TEST(a_fetched_hint_passes_only_if_every_value_is_right) {
    struct scene s;
    struct hint_check *c;
    uint8_t digest[32];
    scene_new(&s);
    CHECK_INT(hint_check_new(&c, s.linear, STACKS), 0);
    for (uint32_t i = 0; i < STACKS; i++) {
        CHECK_INT(hint_check_rows(c, i, 3, rows_of[i] - 3, s.w[i] + 3 * cols_of[i]), 0);
        CHECK_INT(hint_check_rows(c, i, 0, 3, s.w[i]), 0);
    }
    CHECK_INT(hint_check_rows(c, 0, rows_of[0], 1, s.w[0]), ERR_RANGE);
    CHECK_INT(hint_check_rows(c, STACKS, 0, 1, s.w[0]), ERR_RANGE);
    build(&s, NULL, digest);
    for (uint32_t i = 0; i < STACKS; i++) CHECK_INT(passes(&s, c, i), 0);
    struct buf right = contents(&s);
    for (uint32_t trial = 0; trial < 40; trial++) {
        uint32_t stack = trial % STACKS, value;
        size_t index = trial * 7919u % ((size_t)rows_of[stack] * RANK * NTT_N);
        uint64_t offset[STACKS], size;
        CHECK_INT(hint_layout(&s.id, offset, &size), 0);
        memcpy(&value, right.data + offset[stack] + 4 * index, 4);
        forge(&s, stack, index, (value + 1 + trial) % NTT_Q);
        for (uint32_t i = 0; i < STACKS; i++) CHECK_INT(passes(&s, c, i), i == stack ? ERR_AUTH : 0);
        CHECK_INT(file_write(s.path, right.data, right.len, 0600, NULL), 0);
    }
    buf_release(&right);
    hint_check_free(c);
    /* Other weights: the same hint is then wrong. */
    CHECK_INT(hint_check_new(&c, s.linear, STACKS), 0);
    s.w[1][17] ^= 1;
    CHECK_INT(hint_check_rows(c, 1, 0, rows_of[1], s.w[1]), 0);
    CHECK_INT(passes(&s, c, 1), ERR_AUTH);
    hint_check_free(c);
    scene_free(&s);
}

TEST(shapes_that_no_hint_can_have_are_refused) {
    struct scene s;
    struct hint_build *b;
    struct hint_check *c;
    struct why why;
    scene_new(&s);
    for (int i = 0; i < 6; i++) {
        struct hint_id id = s.id;
        struct linear linear[STACKS];
        memcpy(linear, s.linear, sizeof linear);
        id.linear = linear;
        if (i == 0) id.rank = 0;
        if (i == 1) id.rank = NTT_RANK_MAX + 1;
        if (i == 2) id.stacks = 0;
        if (i == 3) linear[1].rows = 0;
        if (i == 4) linear[1].cols = COLS_MAX + 1; /* more than public vectors */
        if (i == 5) linear[1].rows = ROW8_ROWS_MAX + 1;
        CHECK_INT(hint_build_open(&b, s.path, &id, &s.a, s.k, NULL, &why), ERR_RANGE);
        CHECK(b == NULL);
        if (i == 2 || i == 3 || i == 5) CHECK_INT(hint_check_new(&c, linear, id.stacks), ERR_RANGE);
    }
    scene_free(&s);
}

TESTS_MAIN("lattice_hint", T(hint_is_the_product_of_weights_and_public_vectors),
           T(an_interrupted_build_goes_on_where_stacks_were_whole), T(a_damaged_journal_costs_time_and_nothing_else),
           T(a_journal_without_its_data_is_not_believed), T(a_full_disk_is_refused_before_any_work),
           T(rows_out_of_order_are_refused), T(a_hint_of_another_model_is_refused_with_the_reason),
           T(a_hint_cut_short_or_longer_is_refused), T(every_changed_byte_is_found), T(values_that_are_no_residues_are_refused),
           T(a_fetched_hint_passes_only_if_every_value_is_right), T(shapes_that_no_hint_can_have_are_refused))
