/* gateway/gw_receipts.c - see gw_receipts.h. */
#include "gateway/gw_receipts.h"
#include "base/file.h"
#include "base/hash.h"
#include "seal/transcript.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

void gw_receipts_init(struct gw_receipts *k, const char *dir) { *k = (struct gw_receipts){.dir = dir}; }

int gw_receipts_room(const struct gw_receipts *k) {
    struct statvfs fs;
    if (!k->dir) return 1;
    return access(k->dir, W_OK) == 0 && statvfs(k->dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize >= TRANSCRIPT_BYTES_MAX;
}

static void drop(struct gw_receipts *k, size_t i) {
    k->bytes -= k->kept[i].file.len;
    buf_release(&k->kept[i].file);
}

void gw_receipts_release(struct gw_receipts *k) {
    for (size_t i = 0; i < RECEIPTS_KEPT; i++) drop(k, i);
    mem_wipe(k, sizeof *k);
}

static int save(const struct gw_receipts *k, const uint8_t *id, const struct buf *file, struct why *why) {
    char hex[2 * REQUEST_ID_BYTES + 1], path[640];
    hex_encode(hex, id, REQUEST_ID_BYTES);
    int n = snprintf(path, sizeof path, "%s/%s.receipt", k->dir, hex);
    if (n < 0 || (size_t)n >= sizeof path) return why_set(why, ERR_LIMIT, "--receipts: the path is too long");
    return file_write(path, file->data, file->len, 0600, why);
}

int gw_receipts_add(struct gw_receipts *k, const uint8_t id[REQUEST_ID_BYTES], struct buf *file, struct why *why) {
    int r = k->dir ? save(k, id, file, why) : 0;
    drop(k, k->next);
    for (size_t i = 1; i < RECEIPTS_KEPT && k->bytes + file->len > RECEIPTS_BYTES_MAX; i++)
        drop(k, (k->next + i) % RECEIPTS_KEPT);
    memcpy(k->kept[k->next].id, id, REQUEST_ID_BYTES);
    k->kept[k->next].file = *file;
    k->bytes += file->len;
    k->next = (k->next + 1) % RECEIPTS_KEPT;
    buf_init(file, 0);
    return r;
}

const struct buf *gw_receipts_find(const struct gw_receipts *k, const char *name) {
    uint8_t id[REQUEST_ID_BYTES];
    if (hex_decode(id, sizeof id, name, strlen(name)) != 0) return NULL;
    for (size_t i = 0; i < RECEIPTS_KEPT; i++)
        if (k->kept[i].file.len && memcmp(k->kept[i].id, id, sizeof id) == 0) return &k->kept[i].file;
    return NULL;
}
