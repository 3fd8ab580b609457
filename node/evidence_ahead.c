/* node/evidence_ahead.c - see evidence_ahead.h. */
#include "node/evidence_ahead.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "evidence/prefetched_make.h"
#include "node/evidence_make.h"

/* The file; empty when there is none, or it cannot be read. */
static void read_nonce(const struct node *n, struct buf *b) {
    char path[600];
    if (data_dir_file(&n->dir, EVIDENCE_NONCE_FILE, path, sizeof path) != 0 ||
        file_read(b, path, EV_PREFETCHED_BYTES_MAX, NULL) != 0)
        buf_init(b, 0);
}

static int make(struct node *n, struct evidence_made *m, struct why *why) {
    struct ev_prefetched p;
    uint8_t nonce[32];
    struct ev_bytes member = {m->nonce.data, m->nonce.len};
    int r = ev_prefetched_read(&p, member);
    if (r != 0) return why_set(why, r, "the file nonce is none: lull log nonce writes it");
    ev_prefetched_nonce(nonce, &p);
    r = evidence_make(n, nonce, member, &m->envelope, why);
    if (r == 0) sha256_of(n->keys->evidence_hash[0], m->envelope.data, m->envelope.len);
    return r;
}

void evidence_ahead_make(struct node *n) {
    struct evidence_made *m = &n->ahead;
    struct why why = {{0}};
    m->renewed_ms = clock_mono_ms();
    buf_release(&m->envelope);
    buf_release(&m->nonce);
    if (!n->chip) return;
    read_nonce(n, &m->nonce);
    if (m->nonce.len == 0) return;
    int r = make(n, m, &why);
    if (r == 0) {
        log_event(LOG_INFO, "evidence", "made_ahead", LOG_COUNT("bytes", m->envelope.len));
        return;
    }
    buf_release(&m->envelope);
    log_event(LOG_ERROR, "evidence", "not_made_ahead", LOG_WHY("reason", why_text(&why, r)));
}

/* The first file is taken up at once: the keys before it are as good as those after. */
static void on_look(void *arg) {
    struct node *n = arg;
    struct evidence_made *m = &n->ahead;
    struct buf now;
    read_nonce(n, &now);
    int changed = now.len != m->nonce.len || (now.len && memcmp(now.data, m->nonce.data, now.len) != 0);
    int may = m->nonce.len == 0 || clock_mono_ms() - m->renewed_ms >= EVIDENCE_AHEAD_MIN_MS;
    buf_release(&now);
    timer_start_ms(m->look, EVIDENCE_LOOK_MS);
    if (changed && may && !n->draining) link_renew_now(n);
}

int evidence_ahead_watch(struct node *n) {
    if (!n->chip) return 0;
    int r = timer_new(&n->ahead.look, n->loop, on_look, n);
    if (r == 0) timer_start_ms(n->ahead.look, EVIDENCE_LOOK_MS);
    return r;
}

const struct buf *evidence_ahead(const struct node *n) { return n->ahead.envelope.len ? &n->ahead.envelope : NULL; }

void evidence_ahead_release(struct node *n) {
    timer_free(n->ahead.look);
    buf_release(&n->ahead.envelope);
    buf_release(&n->ahead.nonce);
}
