/* cli/log_place.c - reading a log, from a folder or over HTTP. See log_cmd.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/log_cmd.h"
#include "net/httpc.h"

static int starts(const char *s, const char *with) { return strncmp(s, with, strlen(with)) == 0; }

int log_place_of(struct log_place *p, const char *where, struct why *why) {
    size_t n = strlen(where);
    char probe[LOG_PATH_BYTES];
    while (n > 1 && where[n - 1] == '/') n--;
    if (n == 0 || n >= sizeof p->base - 8) return why_set(why, ERR_USAGE, "a log is a folder or a URL");
    p->is_url = starts(where, "http://") || starts(where, "https://");
    snprintf(p->base, sizeof p->base, "%.*s", (int)n, where);
    if (p->is_url) return 0;
    snprintf(probe, sizeof probe, "%s/public/checkpoint", p->base);
    if (access(probe, F_OK) == 0) snprintf(p->base, sizeof p->base, "%.*s/public", (int)n, where);
    return 0;
}

static int take(void *arg, const uint8_t *p, size_t n) { return buf_add(arg, p, n); }

static int fetch(struct buf *b, const char *url, size_t max) {
    struct httpc_reply reply;
    struct httpc_call call = {.url = url, .method = "GET", .silence_ms = 20000, .on_data = take, .arg = b};
    buf_init(b, max);
    int r = httpc_run(&call, &reply, NULL);
    if (r == 0 && reply.status != 200) r = reply.status == 404 ? ERR_NOTFOUND : ERR_IO;
    return r;
}

static int read_one(void *arg, const char *path, size_t max, struct buf *b) {
    const struct log_place *p = arg;
    char whole[LOG_PATH_BYTES];
    buf_init(b, 0);
    if (snprintf(whole, sizeof whole, "%s/%s", p->base, path) >= (int)sizeof whole) return ERR_LIMIT;
    return p->is_url ? fetch(b, whole, max) : file_read(b, whole, max, NULL);
}

struct tlog_files log_place_files(struct log_place *p) {
    return (struct tlog_files){read_one, p};
}

int log_head_read(struct log_head *h, struct log_place *p, struct why *why) {
    int r = read_one(p, "checkpoint", TLOG_NOTE_BYTES_MAX, &h->bytes);
    if (r != 0) return why_set(why, r, "%.200s/checkpoint: %s", p->base, err_text(r));
    r = tlog_note_read(&h->note, (struct ev_bytes){h->bytes.data, h->bytes.len});
    if (r == 0) r = tlog_checkpoint_read(&h->checkpoint, h->note.text);
    return r == 0 ? 0 : why_set(why, r, "%.200s/checkpoint: no checkpoint", p->base);
}

void log_head_release(struct log_head *h) { buf_release(&h->bytes); }

int log_entry_read(struct buf *b, struct log_place *p, uint64_t index, uint64_t size, struct why *why) {
    struct tlog_files files = log_place_files(p);
    struct buf bundle;
    struct ev_bytes entry;
    buf_init(b, TLOG_ENTRY_BYTES_MAX);
    if (index >= size) return why_set(why, ERR_USAGE, "the log has %llu entries, numbered from 0", (unsigned long long)size);
    int r = tlog_tile_read(&bundle, &files, TLOG_ENTRIES, index / TLOG_TILE_WIDTH, size);
    if (r == 0) r = tlog_bundle_entry(&entry, (struct ev_bytes){bundle.data, bundle.len}, (unsigned)(index % TLOG_TILE_WIDTH));
    if (r == 0) r = buf_add(b, entry.p, entry.n);
    buf_release(&bundle);
    return r == 0 ? 0 : why_set(why, r, "entry %llu: %s", (unsigned long long)index, err_text(r));
}

void log_say(json_t *j) {
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
    if (text) printf("%s\n", text);
    free(text);
    json_decref(j);
}
