/* Kept receipts: the last 64, bounded in bytes, found by name, written only when asked. */
#include "gateway/gw_receipts.h"
#include "base/file.h"
#include "base/hash.h"
#include "tests/check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct gw_receipts kept;

static int add(uint32_t number, size_t n) {
    uint8_t id[REQUEST_ID_BYTES] = {(uint8_t)(number >> 8), (uint8_t)number};
    struct buf file;
    struct why why = {{0}};
    buf_init(&file, n);
    uint8_t *p = buf_room(&file, n);
    CHECK(p != NULL);
    memset(p, (int)number, n);
    file.len = n;
    int r = gw_receipts_add(&kept, id, &file, &why);
    CHECK(file.len == 0);
    buf_release(&file);
    return r;
}
static const struct buf *find(uint32_t number) {
    uint8_t id[REQUEST_ID_BYTES] = {(uint8_t)(number >> 8), (uint8_t)number};
    char hex[2 * REQUEST_ID_BYTES + 1];
    hex_encode(hex, id, sizeof id);
    return gw_receipts_find(&kept, hex);
}

TEST(the_last_64_are_kept) {
    gw_receipts_init(&kept, NULL);
    for (uint32_t i = 0; i < 100; i++) CHECK_INT(add(i, 100 + i), 0);
    for (uint32_t i = 0; i < 100; i++) CHECK((find(i) != NULL) == (i >= 36));
    CHECK(find(99)->len == 199 && find(99)->data[0] == 99);
    gw_receipts_release(&kept);
}

TEST(large_ones_make_older_ones_go_first) {
    gw_receipts_init(&kept, NULL);
    for (uint32_t i = 0; i < 12; i++) CHECK_INT(add(i, 8 << 20), 0);
    CHECK(kept.bytes <= RECEIPTS_BYTES_MAX);
    for (uint32_t i = 0; i < 12; i++) CHECK((find(i) != NULL) == (i >= 4));
    gw_receipts_release(&kept);
}

TEST(names_that_are_none_find_nothing) {
    static const char *const bad[] = {"",
                                      "0",
                                      "../../etc/passwd",
                                      "00000000000000000000000000000000",
                                      "0000000000000000000000000000000g",
                                      "000000000000000000000000000000000"};
    gw_receipts_init(&kept, NULL);
    CHECK_INT(add(1, 5), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(gw_receipts_find(&kept, bad[i]) == NULL);
    gw_receipts_release(&kept);
}

TEST(files_are_written_only_when_asked_and_only_for_the_owner) {
    char dir[] = "/tmp/lull-receipts-XXXXXX", path[128];
    struct stat st;
    CHECK(mkdtemp(dir) != NULL);
    gw_receipts_init(&kept, dir);
    CHECK_INT(add(1, 5), 0);
    snprintf(path, sizeof path, "%s/00010000000000000000000000000000.receipt", dir);
    CHECK(stat(path, &st) == 0 && st.st_size == 5 && (st.st_mode & 0777) == 0600);
    unlink(path);
    rmdir(dir);
    CHECK(add(2, 5) < 0); /* the folder is gone: said, and the receipt is still in memory */
    CHECK(find(2) != NULL);
    gw_receipts_release(&kept);
}

TESTS_MAIN("gateway receipts", T(the_last_64_are_kept), T(large_ones_make_older_ones_go_first),
           T(names_that_are_none_find_nothing), T(files_are_written_only_when_asked_and_only_for_the_owner))
