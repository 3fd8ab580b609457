/* blind/prepare.c - see prepare.h. */
#include "blind/prepare.h"
#include "base/file.h"
#include "base/hash.h"
#include "blind/prepare_stream.h"
#include "blind/prepared.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 640 };
static const char *const file_names[] = {PREPARED_MANIFEST, PREPARED_CLIENT, PREPARED_CHECKS};
enum { FILES = sizeof file_names / sizeof *file_names };

static int path_in(char out[PATH_BYTES], const char *dir, const char *name, struct why *why) {
    int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);
    return n >= 0 && n < PATH_BYTES ? 0 : why_set(why, ERR_LIMIT, "prepare: path too long");
}

/* A folder of our own beside the path, or in it if inside is set. */
static int temp_make(char temp[PATH_BYTES], const char *path, int inside, struct why *why) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--; /* beside "out/", not in it */
    int len = snprintf(temp, PATH_BYTES, "%.*s%s.lull-prepare-XXXXXX", (int)n, path, inside ? "/" : "");
    if (n == 0 || len < 0 || len >= PATH_BYTES) return why_set(why, ERR_LIMIT, "prepare: no such path, or one too long");
    return mkdtemp(temp) ? 0 : why_set(why, ERR_IO, "%s: %s", temp, strerror(errno));
}

static void temp_remove(const char *temp) {
    char path[PATH_BYTES];
    for (int i = 0; i < FILES; i++)
        if (path_in(path, temp, file_names[i], NULL) == 0) unlink(path);
    rmdir(temp);
}

/* ---- the contents ---- */

static int make_client(struct blind_manifest *m, const char *temp, const struct prepare_source *source, struct why *why) {
    char path[PATH_BYTES];
    int r = path_in(path, temp, PREPARED_CLIENT, why);
    if (r == 0) r = source->write_client(source->state, path, why);
    if (r == 0) r = prepared_file_hash(path, &m->client_bytes, m->client_sha256, why);
    return r;
}

/* The whole manifest, and the checks unless NULL (then initialised here); the client file is left in temp. */
static int make_manifest(struct blind_manifest *m, struct check_set *checks, const char *temp,
                         const struct prepare_source *source, const struct prepare_opts *o, struct why *why) {
    int r = prepare_shapes(m, source, why);
    if (r != 0) return r;
    if (strlen(o->name) >= sizeof m->name || strlen(o->profile) >= sizeof m->profile)
        return why_set(why, ERR_LIMIT, "prepare: name or profile too long");
    strcpy(m->name, o->name);
    strcpy(m->profile, o->profile);
    m->file_bytes = o->file_bytes;
    memcpy(m->file_sha256, o->file_sha256, 32);
    if (checks) r = check_set_init(checks, m);
    if (r == 0) r = prepare_weights(m, checks, source, o, why);
    if (r == 0) r = make_client(m, temp, source, why);
    if (r == 0) r = blind_manifest_check(m, why);
    return r;
}

static int write_manifest(const struct blind_manifest *m, const char *dir, struct why *why) {
    char path[PATH_BYTES];
    uint8_t *bytes = malloc(BLIND_MANIFEST_BYTES_MAX);
    if (!bytes) return ERR_NOMEM;
    struct writer w = writer_over(bytes, BLIND_MANIFEST_BYTES_MAX);
    blind_manifest_write(&w, m);
    int r = w.err;
    if (r == 0) r = path_in(path, dir, PREPARED_MANIFEST, why);
    if (r == 0) r = file_write(path, bytes, w.len, 0644, why);
    free(bytes);
    return r;
}

static int write_checks(const struct check_set *c, const struct blind_manifest *m, const char *dir, struct why *why) {
    char path[PATH_BYTES];
    uint8_t digest[32];
    struct buf b;
    size_t n = check_file_bytes(m);
    buf_init(&b, n);
    int r = buf_room(&b, n) ? 0 : ERR_NOMEM;
    if (r == 0) r = blind_manifest_digest(m, digest);
    if (r == 0) r = check_file_write(b.data, n, c, m, digest);
    if (r == 0) r = path_in(path, dir, PREPARED_CHECKS, why);
    if (r == 0) r = file_write(path, b.data, n, 0600, why);
    buf_release(&b); /* wipes */
    return r;
}

/* ---- the place ---- */

enum place { PLACE_FREE, PLACE_OURS }; /* nothing there or an empty folder; a prepared one of the same model file */

static int is_empty(const char *dir) {
    DIR *d = opendir(dir);
    if (!d) return 0;
    int entries = 0;
    while (readdir(d)) entries++; /* "." and ".." */
    closedir(d);
    return entries == 2;
}

/* What stands at dir, before minutes are spent on what could not be put there. */
static int look_at(enum place *place, const char *dir, const struct prepare_opts *o, struct why *why) {
    struct stat st;
    *place = PLACE_FREE;
    if (lstat(dir, &st) != 0) return errno == ENOENT ? 0 : why_set(why, ERR_IO, "%s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode)) return why_set(why, ERR_EXISTS, "%s: there, and not a folder", dir);
    if (is_empty(dir)) return 0;
    struct blind_manifest m;
    if (prepared_manifest_read(&m, dir, NULL) != 0)
        return why_set(why, ERR_EXISTS, "%s: there, and not a prepared folder; name another", dir);
    int same = m.file_bytes == o->file_bytes && memcmp(m.file_sha256, o->file_sha256, 32) == 0;
    blind_manifest_release(&m);
    if (!same) return why_set(why, ERR_EXISTS, "%s: prepared for another model file; name another", dir);
    *place = PLACE_OURS;
    return 0;
}

static int sync_folder(const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ERR_IO;
    (void)fsync(fd); /* some file systems refuse it on folders */
    close(fd);
    return 0;
}

/* The same model's folder: kept if it is whole, else its files are replaced by new ones, each at once. */
static int renew(const char *dir, const char *temp, const struct blind_manifest *m, struct why *why) {
    struct blind_manifest there;
    struct prepared *p;
    uint8_t digest[32];
    int r = prepared_manifest_read(&there, dir, why);
    if (r != 0) return r;
    if (blind_manifest_same(&there, m, why) != 0)
        r = ERR_EXISTS;
    else if (strcmp(there.name, m->name) != 0)
        r = why_set(why, ERR_EXISTS, "%s: prepared under the name %s", dir, there.name);
    blind_manifest_release(&there);
    if (r == 0) r = blind_manifest_digest(m, digest);
    if (r != 0) return r;
    if (prepared_open(&p, dir, digest, NULL) == 0) {
        prepared_close(p);
        return 0;
    }
    for (int i = 0; i < FILES && r == 0; i++) {
        char from[PATH_BYTES], to[PATH_BYTES];
        r = path_in(from, temp, file_names[i], why);
        if (r == 0) r = path_in(to, dir, file_names[i], why);
        if (r == 0 && rename(from, to) != 0) r = why_set(why, ERR_IO, "%s: %s", to, strerror(errno));
    }
    return r == 0 ? sync_folder(dir) : r;
}

static int put_in_place(enum place place, const char *dir, const char *temp, const struct blind_manifest *m, struct why *why) {
    if (place == PLACE_OURS) return renew(dir, temp, m, why);
    (void)sync_folder(temp);
    if (rename(temp, dir) == 0) return sync_folder(dir);
    int err = errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR ? ERR_EXISTS : ERR_IO;
    return why_set(why, err, "%s: %s", dir, strerror(errno));
}

int prepare_dir(const char *dir, const struct prepare_source *source, const struct prepare_opts *o, struct why *why) {
    enum place place;
    char temp[PATH_BYTES];
    struct blind_manifest m = {0};
    struct check_set checks = {0};
    int r = look_at(&place, dir, o, why);
    if (r == 0) r = temp_make(temp, dir, 0, why);
    if (r != 0) return r;
    r = make_manifest(&m, &checks, temp, source, o, why);
    if (r == 0) r = write_manifest(&m, temp, why);
    if (r == 0) r = write_checks(&checks, &m, temp, why);
    if (r == 0) r = put_in_place(place, dir, temp, &m, why);
    temp_remove(temp); /* nothing is left of it when it was renamed */
    check_set_release(&checks);
    blind_manifest_release(&m);
    return r;
}

int prepare_manifest(struct blind_manifest *out, const struct prepare_source *source, const struct prepare_opts *o,
                     const char *temp_dir, struct why *why) {
    char temp[PATH_BYTES];
    struct blind_manifest m = {0};
    int r = temp_make(temp, temp_dir, 1, why);
    if (r != 0) return r;
    r = make_manifest(&m, NULL, temp, source, o, why);
    temp_remove(temp);
    if (r == 0)
        *out = m;
    else
        blind_manifest_release(&m);
    return r;
}
