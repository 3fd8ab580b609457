/* gateway/gw_releases.c - see gw_releases.h. */
#include "gateway/gw_releases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "evidence/tlog_bundle.h"
#include "evidence/tlog_leaf.h"

/* 1: the proof is about that engine. */
static int is_about(const struct buf *proof, const char *engine_id, struct why *why) {
    char engine[2 * TLOG_LEAF_TEXT_MAX + 2];
    struct tlog_bundle b;
    struct tlog_leaf *leaf = mem_zalloc(1, sizeof *leaf);
    int r = tlog_bundle_read(&b, proof->data, proof->len, why);
    if (r == 0) r = leaf ? tlog_leaf_read(leaf, b.leaf.entry, why) : ERR_NOMEM;
    int same = 0;
    if (r == 0 && leaf->type == TLOG_RELEASE) {
        snprintf(engine, sizeof engine, "%s-%s", leaf->name, leaf->version);
        same = strcmp(engine, engine_id) == 0;
    } else
        (void)why_set(why, r, "no proof of a release");
    tlog_bundle_release(&b);
    free(leaf);
    return same;
}

int gw_releases_find(struct buf *out, const struct opt_list *files, const char *engine_id) {
    buf_init(out, 0);
    for (size_t i = 0; i < files->count; i++) {
        struct why why = {{0}};
        int r = file_read(out, files->item[i], TLOG_BUNDLE_FILE_MAX, &why);
        if (r == 0 && is_about(out, engine_id, &why)) return 0;
        if (why.text[0])
            log_event(LOG_WARN, "release", "passed_over", LOG_NAME("file", files->item[i]), LOG_WHY("reason", why.text));
        buf_release(out);
    }
    return ERR_NOTFOUND;
}
