/* Fuzz: a hint file and the journal of one under construction. The first byte says what the rest is: a whole file; changes to a
 * right file; the data of a file whose digests fit; lines of a journal, whose checks fit where the line's stack number is even.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/secret.h"
#include "blind/hint.h"
#include "blind/hint_journal.h"
#include "math/ntt.h"

#define CHECK(c)           \
    do {                   \
        if (!(c)) abort(); \
    } while (0)
enum { STACKS = 2, RANK = 1, FILE_BYTES = 3 * HINT_ALIGN, LINE = 48, LINES_MAX = 20 };
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct linear linear[STACKS] = {{.rows = 1, .cols = 3}, {.rows = 2, .cols = 1}};
static struct hint_id id = {.rank = RANK, .stacks = STACKS, .linear = linear};
static uint64_t offset[STACKS], size;
static int fd = -1;
static char path[64], journal_path[64];

static void remove_journal(void) { unlink(journal_path); }
static void once(void) {
    if (fd >= 0) return;
    CHECK(secret_setup() == 0 && hint_layout(&id, offset, &size) == 0 && size == FILE_BYTES);
    fd = memfd_create("hint", MFD_CLOEXEC);
    CHECK(fd >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    strcpy(journal_path, "/tmp/lull-fuzz-XXXXXX");
    int journal = mkstemp(journal_path);
    CHECK(journal >= 0 && atexit(remove_journal) == 0);
    close(journal);
}

/* Opens or not; what opens is, byte for byte, the one file with those data. */
static int opens(const uint8_t *file, size_t n) {
    struct hint h;
    uint8_t digests[32 * STACKS], *again;
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, file, n, 0) == (ssize_t)n);
    if (hint_open(&h, path, &id, NULL, NULL, NULL) != 0) return 0;
    CHECK(n == FILE_BYTES);
    again = calloc(1, FILE_BYTES);
    CHECK(again != NULL);
    for (uint32_t i = 0; i < STACKS; i++) {
        size_t bytes = linear[i].rows * RANK * NTT_N * sizeof(uint32_t);
        sha256_of(digests + 32 * i, file + offset[i], bytes);
        memcpy(again + offset[i], file + offset[i], bytes);
        for (size_t v = 0; v < bytes / 4; v++) CHECK(hint_stack(&h, i)[v] < NTT_Q);
    }
    hint_write_head(again, &id, offset, size, digests);
    CHECK(memcmp(again, file, n) == 0);
    free(again);
    hint_close(&h);
    return 1;
}

/* A file with the input, over and over, as its data; values are brought below q unless `any` is set. Returns 1 if they all are
 * below q. */
static int file_of(uint8_t *file, const uint8_t *data, size_t n, int any) {
    uint8_t digests[32 * STACKS];
    int below = 1;
    memset(file, 0, FILE_BYTES);
    for (uint32_t i = 0; i < STACKS; i++) {
        size_t bytes = linear[i].rows * RANK * NTT_N * sizeof(uint32_t);
        for (size_t at = 0; at < bytes; at += 4) {
            uint32_t v = 0;
            for (int b = 0; b < 4 && n > 0; b++) v |= (uint32_t)data[(at + (size_t)b) % n] << 8 * b;
            if (!any) v %= NTT_Q;
            if (v >= NTT_Q) below = 0;
            memcpy(file + offset[i] + at, &v, 4);
        }
        sha256_of(digests + 32 * i, file + offset[i], bytes);
    }
    hint_write_head(file, &id, offset, size, digests);
    return below;
}

static void journal(const uint8_t *data, size_t n) {
    struct hint_journal j;
    uint8_t identity[32] = {7}, line[LINE], check[32], whole[STACKS] = {0}, digests[32 * STACKS], whole2[STACKS] = {0},
            digests2[32 * STACKS];
    int out = open(journal_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK(out >= 0 && write(out, identity, 32) == 32);
    for (size_t lines = 0; n > 0 && lines < LINES_MAX; lines++) {
        size_t take = n < LINE ? n : LINE;
        memset(line, 0, LINE);
        memcpy(line, data, take);
        if (line[0] % 2 == 0) {
            sha256_joined(check, "lull hint journal v1", identity, 32, line, 36);
            memcpy(line + 36, check, 12);
        }
        CHECK(write(out, line, take) == (ssize_t)take);
        data += take, n -= take;
    }
    close(out);
    CHECK(hint_journal_open(&j, journal_path, identity, STACKS, whole, digests, NULL) == 0);
    memset(check, 9, 32);
    CHECK(hint_journal_add(&j, 1, check, NULL) == 0);
    hint_journal_close(&j);
    CHECK(hint_journal_open(&j, journal_path, identity, STACKS, whole2, digests2, NULL) == 0);
    CHECK(whole2[0] == whole[0] && whole2[1] == 1 && memcmp(digests2 + 32, check, 32) == 0);
    CHECK(!whole[0] || memcmp(digests, digests2, 32) == 0);
    hint_journal_close(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    uint8_t file[FILE_BYTES + 1];
    once();
    if (n == 0 || n > FILE_BYTES + 1) return 0;
    int what = data[0] % 4;
    data++, n--;
    if (what == 0) opens(data, n);
    if (what == 1) {
        uint8_t right[FILE_BYTES];
        (void)file_of(right, data, n, 0);
        memcpy(file, right, FILE_BYTES);
        for (size_t i = 0; i + 3 <= n; i += 3) file[(data[i] | (size_t)data[i + 1] << 8) % FILE_BYTES] ^= data[i + 2];
        CHECK(opens(file, FILE_BYTES) == (memcmp(file, right, FILE_BYTES) == 0));
    }
    if (what == 2) {
        int below = file_of(file, data, n, 1);
        CHECK(opens(file, FILE_BYTES) == below);
    }
    if (what == 3) journal(data, n);
    return 0;
}
