/* blind/hint_build.c - see hint_build.h. The order on disk is: a stack's data, then its line in the journal; the head, then the
 * name. */
#include "blind/hint_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "blind/hint_journal.h"
#include "math/ntt_rows.h"

enum { PATH_BYTES = 640 };

struct hint_build {
    char path[PATH_BYTES], part[PATH_BYTES];
    struct hint_id id;
    const struct kern *k;
    struct pool *pool;
    uint64_t size, *offset;
    uint8_t *digests; /* [stacks][32] */
    uint8_t *whole;   /* [stacks] */
    int fd;
    struct hint_journal journal;
    struct ntt_rows a;
    int16_t *wide;
    uint32_t *out; /* NTT_ROWS_MAX rows of values */
    uint32_t stack, next_row;
    struct sha256 sha;
    uint64_t weights_done, weights_all;
};

static int io_failed(const char *path, struct why *why) { return why_set(why, ERR_IO, "%s: %s", path, strerror(errno)); }

static int put(const struct hint_build *b, const void *from, size_t n, uint64_t at, struct why *why) {
    const uint8_t *p = from;
    while (n > 0) {
        ssize_t wrote = pwrite(b->fd, p, n, (off_t)at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return io_failed(b->part, why);
        p += wrote, at += (uint64_t)wrote, n -= (size_t)wrote;
    }
    return 0;
}

/* ---- opening ---- */

static int take_files(struct hint_build *b, const char *path, struct why *why) {
    char journal[PATH_BYTES];
    int n = snprintf(b->path, PATH_BYTES, "%s", path), m = snprintf(b->part, PATH_BYTES, "%s.part", path);
    int o = snprintf(journal, PATH_BYTES, "%s.journal", path);
    if (n < 0 || n >= PATH_BYTES || m < 0 || m >= PATH_BYTES || o < 0 || o >= PATH_BYTES)
        return why_set(why, ERR_LIMIT, "hint: path too long");
    if (access(path, F_OK) == 0) return why_set(why, ERR_EXISTS, "%s: there already; remove it to make it again", path);
    b->fd = open(b->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (b->fd < 0) return io_failed(b->part, why);
    if (flock(b->fd, LOCK_EX | LOCK_NB) != 0) return why_set(why, ERR_BUSY, "%s: another program is making this hint", b->part);
    struct stat st;
    if (fstat(b->fd, &st) != 0) return io_failed(b->part, why);
    /* Only the full size that an earlier run reserved can hold what its journal says. */
    int fresh = (uint64_t)st.st_size != b->size;
    if (fresh && unlink(journal) != 0 && errno != ENOENT) return io_failed(journal, why); /* before the size looks right */
    if (fresh && ftruncate(b->fd, 0) != 0) return io_failed(b->part, why);
    int e = posix_fallocate(b->fd, 0, (off_t)b->size);
    if (e != 0) return why_set(why, ERR_IO, "%s: %llu bytes are needed: %s", b->part, (unsigned long long)b->size, strerror(e));
    uint8_t *head = calloc(1, hint_head_bytes(b->id.stacks));
    if (head == NULL) return ERR_NOMEM;
    hint_write_head(head, &b->id, b->offset, b->size, b->digests); /* digests are still zero: the identity of the work */
    uint8_t identity[32];
    sha256_of(identity, head, hint_head_bytes(b->id.stacks));
    free(head);
    return hint_journal_open(&b->journal, journal, identity, b->id.stacks, b->whole, b->digests, why);
}

static void *take(size_t n) { return aligned_alloc(64, (n + 63) / 64 * 64); }

static int take_memory(struct hint_build *b, const struct lattice_public *a) {
    uint32_t widest = 0;
    for (uint32_t i = 0; i < b->id.stacks; i++)
        if (b->id.linear[i].cols > widest) widest = b->id.linear[i].cols;
    if (a->rank != b->id.rank || a->cols < widest) return ERR_RANGE;
    int r = ntt_rows_shape(&b->a, widest, b->id.rank);
    if (r != 0) return r;
    b->a.data = take(ntt_rows_bytes(&b->a));
    b->wide = take(ntt_rows_wide_bytes(widest));
    b->out = take((size_t)NTT_ROWS_MAX * b->id.rank * NTT_N * sizeof *b->out);
    if (b->a.data == NULL || b->wide == NULL || b->out == NULL) return ERR_NOMEM;
    for (uint32_t j = 0; j < widest; j++) ntt_rows_fill(&b->a, j, lattice_public_at(a, j));
    return 0;
}

int hint_build_open(struct hint_build **out, const char *path, const struct hint_id *id, const struct lattice_public *a,
                    const struct kern *k, struct pool *pool, struct why *why) {
    *out = NULL;
    if (id->stacks == 0 || id->stacks > HINT_STACKS_MAX) return why_set(why, ERR_RANGE, "hint: number of stacks");
    struct hint_build *b = mem_zalloc(1, sizeof *b);
    if (b == NULL) return ERR_NOMEM;
    *b = (struct hint_build){.id = *id, .k = k, .pool = pool, .fd = -1, .journal.fd = -1};
    b->offset = mem_zalloc(id->stacks, sizeof *b->offset);
    b->digests = mem_zalloc(id->stacks, 32);
    b->whole = mem_zalloc(id->stacks, 1);
    int r = b->offset == NULL || b->digests == NULL || b->whole == NULL ? ERR_NOMEM : 0;
    if (r == 0) r = hint_layout(id, b->offset, &b->size);
    if (r == 0) r = take_memory(b, a);
    if (r == ERR_RANGE) why_set(why, r, "hint: shapes that no hint can have, or too few public vectors");
    if (r == 0) r = take_files(b, path, why);
    for (uint32_t i = 0; i < id->stacks && r == 0; i++) {
        uint64_t weights = (uint64_t)id->linear[i].rows * id->linear[i].cols;
        b->weights_all += weights;
        if (b->whole[i]) b->weights_done += weights;
    }
    if (r != 0)
        hint_build_close(b);
    else
        *out = b;
    return r;
}

void hint_build_close(struct hint_build *b) {
    if (b == NULL) return;
    hint_journal_close(&b->journal);
    if (b->fd >= 0) close(b->fd); /* gives the lock back */
    free(b->offset), free(b->digests), free(b->whole);
    free(b->a.data), free(b->wide), free(b->out);
    free(b);
}

/* ---- rows ---- */

int hint_build_has(const struct hint_build *b, uint32_t stack) { return stack < b->id.stacks && b->whole[stack]; }

void hint_build_progress(const struct hint_build *b, uint64_t *done, uint64_t *all) {
    *done = b->weights_done;
    *all = b->weights_all;
}

struct product {
    const struct hint_build *b;
    uint32_t rows, cols;
};
static void multiply(void *arg, uint32_t begin, uint32_t end) {
    const struct product *p = arg;
    ntt_rows_mul(p->b->k, &p->b->a, begin, end, p->b->wide, p->rows, p->cols, p->b->out);
}

static int add_batch(struct hint_build *b, uint32_t rows, const int8_t *w, struct why *why) {
    const struct linear *l = &b->id.linear[b->stack];
    size_t row_bytes = (size_t)b->id.rank * NTT_N * sizeof(uint32_t), n = rows * row_bytes;
    struct product p = {.b = b, .rows = rows, .cols = l->cols};
    ntt_rows_widen(b->wide, w, rows, l->cols);
    if (b->pool != NULL)
        pool_range(b->pool, b->a.panels, 1, multiply, &p);
    else
        multiply(&p, 0, b->a.panels);
    int r = put(b, b->out, n, b->offset[b->stack] + b->next_row * row_bytes, why);
    if (r != 0) return r;
    sha256_add(&b->sha, b->out, n);
    b->next_row += rows;
    b->weights_done += (uint64_t)rows * l->cols;
    return 0;
}

static int end_stack(struct hint_build *b, struct why *why) {
    uint8_t *digest = b->digests + 32 * (size_t)b->stack;
    sha256_done(&b->sha, digest);
    if (fdatasync(b->fd) != 0) return io_failed(b->part, why);
    int r = hint_journal_add(&b->journal, b->stack, digest, why);
    if (r == 0) b->whole[b->stack] = 1;
    b->next_row = 0;
    return r;
}

int hint_build_rows(struct hint_build *b, uint32_t stack, uint32_t first, uint32_t count, const int8_t *w, struct why *why) {
    if (stack >= b->id.stacks || b->whole[stack] || first != b->next_row || (first != 0 && stack != b->stack) || count == 0 ||
        count > b->id.linear[stack].rows - first)
        return why_set(why, ERR_WRONG_STATE, "hint: rows out of order");
    if (first == 0) {
        b->stack = stack;
        sha256_init(&b->sha);
    }
    const struct linear *l = &b->id.linear[stack];
    int r = 0;
    for (uint32_t at = 0; at < count && r == 0;) {
        uint32_t n = count - at < NTT_ROWS_MAX ? count - at : NTT_ROWS_MAX;
        r = add_batch(b, n, w + (size_t)at * l->cols, why);
        at += n;
    }
    if (r == 0 && b->next_row == l->rows) r = end_stack(b, why);
    return r;
}

/* ---- the end ---- */

static int sync_folder_of(const char *path, struct why *why) {
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return io_failed(folder, why);
    (void)fsync(fd); /* some file systems refuse it on folders */
    close(fd);
    return 0;
}

int hint_build_finish(struct hint_build *b, uint8_t digest[32], struct why *why) {
    for (uint32_t i = 0; i < b->id.stacks; i++)
        if (!b->whole[i]) return why_set(why, ERR_WRONG_STATE, "hint: stack %u is missing", i);
    size_t n = hint_head_bytes(b->id.stacks);
    uint8_t *head = malloc(n);
    if (head == NULL) return ERR_NOMEM;
    hint_write_head(head, &b->id, b->offset, b->size, b->digests);
    int r = put(b, head, n, 0, why);
    sha256_of(digest, head, n);
    free(head);
    if (r == 0 && fsync(b->fd) != 0) r = io_failed(b->part, why);
    if (r == 0 && rename(b->part, b->path) != 0) r = io_failed(b->path, why);
    if (r == 0) r = sync_folder_of(b->path, why);
    if (r == 0) hint_journal_remove(&b->journal);
    return r;
}
