/* Tiles: paths, growth over three levels, and proofs out of them beside a tree that is kept whole. */
#include "tests/unit/evidence/tlog_scene.h"

static struct scene s;

static void path_is(int level, uint64_t index, unsigned width, const char *want) {
    char path[TLOG_PATH_BYTES];
    tlog_tile_path(path, level, index, width);
    CHECK_STR(path, want);
}

TEST(paths_are_those_of_the_specification) {
    path_is(0, 1234067, 256, "tile/0/x001/x234/067");
    path_is(TLOG_ENTRIES, 0, 256, "tile/entries/000");
    path_is(TLOG_ENTRIES, 999, 1, "tile/entries/999.p/1");
    path_is(7, 1000, 255, "tile/7/x001/000.p/255");
    path_is(0, (UINT64_C(1) << 55) - 1, 256, "tile/0/x036/x028/x797/x018/x963/967");
    /* the example of tlog-tiles.md: 70000 entries */
    CHECK_INT(tlog_tile_width(0, 272, 70000), 256);
    CHECK_INT(tlog_tile_width(0, 273, 70000), 112);
    CHECK_INT(tlog_tile_width(0, 274, 70000), 0);
    CHECK_INT(tlog_tile_width(1, 0, 70000), 256);
    CHECK_INT(tlog_tile_width(1, 1, 70000), 17);
    CHECK_INT(tlog_tile_width(2, 0, 70000), 1);
    CHECK_INT(tlog_tile_width(1, 0, 256), 1);
    CHECK_INT(tlog_tile_width(0, 1, 256), 0);
}

/* ---- a tree that is kept whole, level by level ---- */

enum { GROWN = 70000, LEVELS = 18 };
static struct tlog_hash *whole[LEVELS];

static void entry_of(char text[32], uint64_t i) { snprintf(text, 32, "entry %llu", (unsigned long long)i); }

static void make_whole(void) {
    for (unsigned level = 0; level < LEVELS; level++) {
        whole[level] = calloc(GROWN >> level, sizeof **whole);
        CHECK(whole[level] != NULL);
        for (uint64_t i = 0; i < (uint64_t)GROWN >> level; i++) {
            char text[32];
            entry_of(text, i);
            if (level == 0)
                tree_leaf_hash(whole[0][i].b, text, strlen(text));
            else
                tree_node_hash(whole[level][i].b, whole[level - 1][2 * i].b, whole[level - 1][2 * i + 1].b);
        }
    }
}

static int from_whole(void *arg, unsigned level, uint64_t index, struct tlog_hash *out) {
    (void)arg;
    CHECK(level < LEVELS && index < (uint64_t)GROWN >> level);
    *out = whole[level][index];
    return 0;
}
static const struct tlog_source naive = {from_whole, NULL};

static struct tlog_tiles tiles;

static void compare_at(uint64_t size, uint64_t step) {
    struct tlog_files files = scene_files(&s);
    struct tlog_source source = tlog_tiles_source(&tiles);
    struct tlog_hash a, b;
    tlog_tiles_init(&tiles, &files, size);
    CHECK_INT(tlog_root(&a, &source, size), 0);
    CHECK_INT(tlog_root(&b, &naive, size), 0);
    CHECK(tlog_hash_equal(&a, &b));
    for (uint64_t i = 0; i < size; i += step) {
        struct tlog_proof p, q;
        CHECK_INT(tlog_inclusion_make(&p, &source, i, size), 0);
        CHECK_INT(tlog_inclusion_make(&q, &naive, i, size), 0);
        CHECK_INT(p.count, q.count);
        CHECK_MEM(p.hash, q.hash, p.count * sizeof *p.hash);
        CHECK_INT(tlog_inclusion_check(&whole[0][i], i, size, &a, &p), 0);
        CHECK_INT(tlog_consistency_make(&p, &source, i + 1, size), 0);
        CHECK_INT(tlog_consistency_make(&q, &naive, i + 1, size), 0);
        CHECK_INT(p.count, q.count);
        CHECK_MEM(p.hash, q.hash, p.count * sizeof *p.hash);
        CHECK_INT(tlog_root(&b, &naive, i + 1), 0);
        CHECK_INT(tlog_consistency_check(i + 1, &b, size, &a, &p), 0);
    }
}

TEST(a_log_over_three_levels_of_tiles_proves_what_a_whole_tree_proves) {
    make_whole();
    scene_open(&s);
    for (uint64_t i = 0; i < GROWN; i++) {
        char text[32];
        struct tlog_hash a, b;
        entry_of(text, i);
        scene_add(&s, text);
        uint64_t size = i + 1;
        int edge = size <= 3 || size == 255 || size == 256 || size == 257 || size == 511 || size == 512 || size == 768 ||
                   size == 801;
        if (size <= 801 || size % 997 == 0) {
            tlog_edge_root(&s.edge, &a);
            CHECK_INT(tlog_root(&b, &naive, size), 0);
            CHECK(tlog_hash_equal(&a, &b));
        }
        if (edge || size == 65535 || size == 65536 || size == 65537 || size == GROWN) {
            CHECK_INT(tlog_edge_flush(&s.edge), 0);
            compare_at(size, size <= 801 ? 1 : 911); /* three tiles and more: every proof */
        }
    }
    CHECK_INT(scene_find(&s, "tile/0/273.p/112") >= 0, 1);
    CHECK_INT(scene_find(&s, "tile/1/000") >= 0, 1);
    CHECK_INT(scene_find(&s, "tile/1/001.p/17") >= 0, 1);
    CHECK_INT(scene_find(&s, "tile/2/000.p/1") >= 0, 1);
    compare_at(801, 1); /* of a smaller tree, out of the files that the larger one has made full */
}

TEST(a_log_is_opened_again_where_it_was_left) {
    struct tlog_files files = scene_files(&s);
    static struct tlog_edge again;
    struct tlog_hash a, b;
    static const uint64_t sizes[] = {0, 1, 256, 801, 65536, GROWN};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK_INT(tlog_edge_open(&again, &files, sizes[i]), 0);
        tlog_edge_root(&again, &a);
        CHECK_INT(tlog_root(&b, &naive, sizes[i]), 0);
        CHECK(tlog_hash_equal(&a, &b));
        tlog_edge_release(&again);
    }
}

TEST(every_entry_is_in_its_bundle) {
    struct tlog_files files = scene_files(&s);
    for (uint64_t i = 0; i < GROWN; i += i < 801 ? 1 : 509) {
        struct buf b;
        struct ev_bytes entry;
        char text[32];
        entry_of(text, i);
        CHECK_INT(tlog_tile_read(&b, &files, TLOG_ENTRIES, i / 256, GROWN), 0);
        CHECK_INT(tlog_bundle_entry(&entry, (struct ev_bytes){b.data, b.len}, i % 256), 0);
        CHECK_INT(entry.n, strlen(text));
        CHECK_MEM(entry.p, text, entry.n);
        CHECK_INT(tlog_bundle_check((struct ev_bytes){b.data, b.len}, tlog_tile_width(TLOG_ENTRIES, i / 256, GROWN)), 0);
        buf_release(&b);
    }
}

TEST(a_tile_or_bundle_of_another_length_is_refused) {
    struct tlog_files files = scene_files(&s);
    struct buf b;
    static const char *const paths[] = {"tile/0/273.p/112", "tile/entries/273.p/112"};
    for (int k = 0; k < 2; k++)
        for (int change = -1; change <= 1; change += 2) {
            int at = scene_find(&s, paths[k]);
            size_t keep = s.file[at].bytes.len;
            if (change > 0) CHECK_INT(buf_add(&s.file[at].bytes, "x", 1), 0);
            if (change < 0) s.file[at].bytes.len--;
            CHECK_INT(tlog_tile_read(&b, &files, k ? TLOG_ENTRIES : 0, 273, GROWN), ERR_FORMAT);
            buf_release(&b);
            s.file[at].bytes.len = keep;
        }
    CHECK_INT(tlog_tile_read(&b, &files, 0, 274, GROWN), ERR_RANGE);
    CHECK_INT(tlog_tile_read(&b, &files, 0, 274, GROWN + 256), ERR_NOTFOUND);
    buf_release(&b);
    scene_close(&s);
    for (int i = 0; i < LEVELS; i++) free(whole[i]);
}

TESTS_MAIN("tlog_tile", T(paths_are_those_of_the_specification),
           T(a_log_over_three_levels_of_tiles_proves_what_a_whole_tree_proves), T(a_log_is_opened_again_where_it_was_left),
           T(every_entry_is_in_its_bundle), T(a_tile_or_bundle_of_another_length_is_refused))
