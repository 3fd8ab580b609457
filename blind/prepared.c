/* blind/prepared.c - see prepared.h. */
#include "blind/prepared.h"
#include "base/file.h"
#include "base/hash.h"
#include "blind/check_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 640 };

struct prepared {
    struct blind_manifest manifest;
    uint8_t digest[32];
    struct check_set checks;
    char client_path[PATH_BYTES];
};

static int path_in(char out[PATH_BYTES], const char *dir, const char *name, struct why *why) {
    int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);
    return n >= 0 && n < PATH_BYTES ? 0 : why_set(why, ERR_LIMIT, "prepared folder: path too long");
}

int prepared_manifest_read(struct blind_manifest *out, const char *dir, struct why *why) {
    char path[PATH_BYTES];
    struct buf b = {0};
    int r = path_in(path, dir, PREPARED_MANIFEST, why);
    if (r == 0) r = file_read(&b, path, BLIND_MANIFEST_BYTES_MAX, why);
    if (r != 0) return r;
    struct reader in = reader_over(b.data, b.len);
    r = blind_manifest_read(&in, out, why);
    buf_release(&b);
    return r;
}

static int open_manifest(struct prepared *p, const char *dir, const uint8_t *digest, struct why *why) {
    int r = prepared_manifest_read(&p->manifest, dir, why);
    if (r == 0) r = blind_manifest_digest(&p->manifest, p->digest);
    if (r == 0 && digest && memcmp(p->digest, digest, 32) != 0)
        r = why_set(why, ERR_AUTH, "%s: manifest of another model, or of other weights", dir);
    return r;
}

static int open_checks(struct prepared *p, const char *dir, struct why *why) {
    char path[PATH_BYTES];
    struct buf b = {0};
    int r = path_in(path, dir, PREPARED_CHECKS, why);
    if (r == 0) r = file_read_private(&b, path, check_file_bytes(&p->manifest), why);
    if (r == 0) r = check_file_read(b.data, b.len, &p->manifest, p->digest, &p->checks, why);
    buf_release(&b);
    return r;
}

int prepared_file_hash(const char *path, uint64_t *bytes, uint8_t sha256[32], struct why *why) {
    struct file_map map;
    int r = file_map_open(&map, path, why);
    if (r != 0) return r;
    sha256_of(sha256, map.data, map.size);
    *bytes = map.size;
    file_map_close(&map);
    return 0;
}

static int open_client(struct prepared *p, const char *dir, struct why *why) {
    uint64_t bytes;
    uint8_t sha256[32];
    int r = path_in(p->client_path, dir, PREPARED_CLIENT, why);
    if (r == 0) r = prepared_file_hash(p->client_path, &bytes, sha256, why);
    if (r != 0) return r;
    if (bytes != p->manifest.client_bytes)
        return why_set(why, ERR_AUTH, "%s: %" PRIu64 " bytes, and the manifest says %" PRIu64, p->client_path, bytes,
                       p->manifest.client_bytes);
    if (memcmp(sha256, p->manifest.client_sha256, 32) != 0)
        return why_set(why, ERR_AUTH, "%s: not the file that the manifest names", p->client_path);
    return 0;
}

int prepared_open(struct prepared **out, const char *dir, const uint8_t *digest, struct why *why) {
    *out = NULL;
    struct prepared *p = mem_zalloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    int r = open_manifest(p, dir, digest, why);
    if (r == 0) r = open_checks(p, dir, why);
    if (r == 0) r = open_client(p, dir, why);
    if (r == 0)
        *out = p;
    else
        prepared_close(p);
    return r;
}

void prepared_close(struct prepared *p) {
    if (!p) return;
    check_set_release(&p->checks);
    blind_manifest_release(&p->manifest);
    free(p);
}

const struct blind_manifest *prepared_manifest(const struct prepared *p) { return &p->manifest; }
const uint8_t *prepared_digest(const struct prepared *p) { return p->digest; }
const struct linear *prepared_stacks(const struct prepared *p) { return p->checks.linear; }
const struct freivalds *prepared_check(const struct prepared *p, uint32_t stack) { return &p->checks.check[stack]; }
const char *prepared_client_path(const struct prepared *p) { return p->client_path; }
