/* node/served.c - see served.h. */
#include "node/served.h"
#include "base/clock.h"
#include "base/hash.h"
#include "model/model.h"
#include "model/profile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HASHES_BYTES_MAX = 1 << 16, KEY_BYTES = 96, SLOTS_DEFAULT = 4, GUESSES_DEFAULT = 4 };

/* Lower case, what is not allowed becomes '-', no '-' in front. Returns the length. */
static size_t name_part(char *out, size_t max, const char *text) {
    size_t n = 0;
    for (; *text && n < max; text++) {
        char c = (char)tolower((unsigned char)*text);
        int ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (n && (c == '.' || c == '_' || c == '-'));
        if (ok)
            out[n++] = c;
        else if (n && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n && out[n - 1] == '-') n--;
    out[n] = 0;
    return n;
}

int served_name(char out[MODEL_NAME_BYTES], const char *general_name, const char *type) {
    char name[65], tag[65], both[MODEL_NAME_BYTES];
    if (!name_part(name, 64, general_name) || !name_part(tag, 64, type)) return ERR_FORMAT;
    snprintf(both, sizeof both, "%s:%s", name, tag);
    return model_name_full(out, both);
}

/* ---- the hash cache: lines "DEVICE INODE SIZE MTIME_NS SHA256" ---- */

static int cache_key(char key[KEY_BYTES], const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return ERR_NOTFOUND;
    snprintf(key, KEY_BYTES, "%llu %llu %lld %lld.%09ld ", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
             (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return 0;
}

static int cache_find(const char *file, const char *key, uint8_t sha[32]) {
    struct buf b;
    if (file_read(&b, file, HASHES_BYTES_MAX, NULL) != 0) return ERR_NOTFOUND;
    const char *at = strstr((const char *)b.data, key);
    int r = at && strlen(at) >= strlen(key) + 64 ? hex_decode(sha, 32, at + strlen(key), 64) : ERR_NOTFOUND;
    buf_release(&b);
    return r;
}

/* Losing the cache only costs time: an error is not reported. */
static void cache_add(const char *file, const char *key, const uint8_t sha[32]) {
    struct buf b;
    char hex[65];
    if (file_read(&b, file, HASHES_BYTES_MAX / 2, NULL) != 0) buf_init(&b, HASHES_BYTES_MAX);
    hex_encode(hex, sha, 32);
    b.max = HASHES_BYTES_MAX;
    if (buf_addf(&b, "%s%s\n", key, hex) == 0) (void)file_write(file, b.data, b.len, 0600, NULL);
    buf_release(&b);
}

static int file_sha(const struct model *m, const char *path, const struct data_dir *dir, uint8_t sha[32]) {
    char cache[600], key[KEY_BYTES];
    int r = data_dir_file(dir, "hashes", cache, sizeof cache);
    if (r == 0) r = cache_key(key, path);
    if (r == 0 && cache_find(cache, key, sha) == 0) return 0;
    if (model_file_bytes(m) > 1u << 30) fprintf(stderr, "lull node: hashing %s ...\n", path);
    model_file_sha256(m, sha);
    if (r == 0) cache_add(cache, key, sha);
    return 0;
}

/* ---- opening ---- */

struct progress {
    const char *path;
    uint64_t started_ms, shown_ms;
};

static void show_progress(void *arg, uint64_t done, uint64_t all) {
    struct progress *p = arg;
    uint64_t now = clock_mono_ms();
    if (now - p->started_ms < 1000 || (now - p->shown_ms < 500 && done < all) || !all) return;
    p->shown_ms = now;
    fprintf(stderr, "\rlull node: loading %s %llu %%%s", p->path, (unsigned long long)(done * 100 / all),
            done == all ? "\n" : "");
}

static int make_manifest(struct served *s, const char *name, const char *path, enum kv_format kv, const struct data_dir *dir,
                         struct why *why) {
    struct manifest *m = &s->manifest;
    int r = name ? model_name_full(m->name, name) : served_name(m->name, model_name(s->model), model_type(s->model));
    if (r != 0)
        return name ? why_set(why, ERR_USAGE, "--model: \"%.80s\" is no model name: name[:tag] of a-z 0-9 . _ -", name)
                    : why_set(why, ERR_USAGE, "%s: says no name for itself; give one: --model FILE=NAME", path);
    m->file_bytes = model_file_bytes(s->model);
    m->context = s->context;
    snprintf(m->profile, sizeof m->profile, "%s", model_profile(s->model, kv));
    r = file_sha(s->model, path, dir, m->file_sha256);
    if (r == 0) manifest_hash(s->manifest_hash, m);
    return r;
}

int served_spec(const char *spec, char *path, size_t cap, const char **name) {
    const char *eq = strrchr(spec, '=');
    if (eq && strchr(eq, '/')) eq = NULL; /* a '=' inside a folder's name */
    *name = eq ? eq + 1 : NULL;
    int n = snprintf(path, cap, "%.*s", eq ? (int)(eq - spec) : (int)strlen(spec), spec);
    return (size_t)n < cap ? 0 : ERR_LIMIT;
}

int served_open(struct served *s, const char *spec, const struct served_opts *o, const struct data_dir *dir, struct why *why) {
    char path[512];
    const char *name;
    *s = (struct served){0};
    if (served_spec(spec, path, sizeof path, &name) != 0) return why_set(why, ERR_LIMIT, "--model: path too long");
    struct progress p = {.path = path, .started_ms = clock_mono_ms()};
    struct model_opts mo = {
        .threads = o->threads, .context = o->context, .kernels = getenv("LULL_KERNELS"), .progress = show_progress, .arg = &p};
    int r = model_open(&s->model, path, &mo, why);
    if (r == 0) {
        s->context = o->context ? o->context : model_context_usual(s->model);
        if (s->context > model_context(s->model)) s->context = model_context(s->model);
        r = make_manifest(s, name, path, o->kv, dir, why);
    }
    struct worker_opts wo = {.model = s->model,
                             .loop = o->loop,
                             .on_event = o->on_event,
                             .arg = o->arg,
                             .pool = {.threads = o->threads,
                                      .slots = o->slots ? o->slots : SLOTS_DEFAULT,
                                      .context_max = s->context,
                                      .kv = o->kv,
                                      .guesses = GUESSES_DEFAULT}};
    if (r == 0) r = worker_new(&s->worker, &wo, why);
    if (r != 0) served_close(s);
    return r;
}

void served_close(struct served *s) {
    worker_free(s->worker);
    model_close(s->model);
    *s = (struct served){0};
}
