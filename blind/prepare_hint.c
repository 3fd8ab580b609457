/* blind/prepare_hint.c - see prepare_hint.h. */
#include "blind/prepare_hint.h"
#include "base/file.h"
#include "blind/prepare_model.h"

#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 640 };

static int path_in(char out[PATH_BYTES], const char *dir, const char *name, struct why *why) {
    int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);
    return n >= 0 && n < PATH_BYTES ? 0 : why_set(why, ERR_LIMIT, "prepared folder: path too long");
}

static int kept_digest(const char *dir, uint8_t digest[32], struct why *why) {
    char path[PATH_BYTES];
    struct buf b = {0};
    int r = path_in(path, dir, PREPARED_HINT_DIGEST, why);
    if (r == 0) r = file_read(&b, path, 32, why);
    if (r == 0 && b.len != 32) r = why_set(why, ERR_SHORT, "%.200s: not 32 bytes", path);
    if (r == 0) memcpy(digest, b.data, 32);
    buf_release(&b);
    return r;
}

/* A hint that is there already must be whole, and of the parameters that are asked for now: else a user would have less than he asked
 * for and not know it. */
static int check_kept(const char *dir, const struct prepared *p, const struct hint_make_opts *o, uint8_t digest[32],
                      struct why *why) {
    struct hint h;
    int r = prepared_hint_open(&h, dir, p, o->rank, o->pool, why);
    if (r == 0) memcpy(digest, h.digest, 32);
    hint_close(&h);
    return r;
}

int prepare_hint(const char *dir, const struct prepared *p, const struct model *m, const struct hint_make_opts *o,
                 struct why *why) {
    char path[PATH_BYTES], digest_path[PATH_BYTES];
    uint8_t digest[32];
    struct prepare_model_source s = {0};
    struct prepare_source source;
    int r = path_in(path, dir, PREPARED_HINT, why);
    if (r == 0) r = path_in(digest_path, dir, PREPARED_HINT_DIGEST, why);
    if (r == 0) r = prepare_model_source_init(&s, m, o->pool, &source);
    if (r == 0) {
        r = hint_make(path, prepared_manifest(p), &source, o, digest, why);
        if (r == ERR_EXISTS) r = check_kept(dir, p, o, digest, why);
        if (r == ERR_NOTFOUND) r = hint_check_fetched(path, prepared_manifest(p), &source, o, digest, why);
    }
    if (r == 0) r = file_write(digest_path, digest, sizeof digest, 0600, why);
    prepare_model_source_release(&s);
    return r;
}

int prepared_hint_open(struct hint *h, const char *dir, const struct prepared *p, uint32_t rank, struct pool *pool,
                       struct why *why) {
    char path[PATH_BYTES];
    uint8_t digest[32];
    struct hint_id id = {.rank = rank, .stacks = prepared_manifest(p)->stack_count, .linear = prepared_stacks(p)};
    memcpy(id.manifest, prepared_digest(p), sizeof id.manifest);
    *h = (struct hint){0};
    int r = kept_digest(dir, digest, why);
    if (r == ERR_NOTFOUND)
        return why_set(why, r,
                       "%.200s: not prepared for mode lattice: `lull blind prepare MODEL --out DIR --mode lattice` adds the hint",
                       dir);
    if (r == 0) r = path_in(path, dir, PREPARED_HINT, why);
    if (r == 0 && rank == 0) r = hint_rank_of(path, &id.rank, why);
    return r == 0 ? hint_open(h, path, &id, digest, pool, why) : r;
}
