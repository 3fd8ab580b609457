/* blind/blind_worker.c - see blind_worker.h. */
#include "blind/blind_worker.h"
#include "base/mem.h"
#include "blind/blind_worker_parts.h"

#include <stdlib.h>
#include <string.h>

/* ---- the worker ---- */

/* Which stacks are here, as ranges; and the sizes that the buffers follow from. */
static int look_over(struct blind_worker *w) {
    for (uint32_t i = 0; i < w->o.stack_count; i++) {
        const struct row8 *m = &w->o.stacks[i];
        struct row8 check;
        if (!m->data) continue;
        if (row8_shape(&check, m->rows, m->cols) != 0 || check.group_bytes != m->group_bytes) return ERR_RANGE;
        if (m->cols > w->widest) w->widest = m->cols;
        struct blind_held *last = w->held_count ? &w->held[w->held_count - 1] : NULL;
        if (last && last->end == i) {
            last->end++;
            continue;
        }
        if (w->held_count == BLIND_HELD_MAX) return ERR_LIMIT;
        w->held[w->held_count++] = (struct blind_held){i, i + 1};
    }
    return w->held_count ? 0 : ERR_RANGE;
}

static int take_memory(struct blind_worker *w) {
    size_t columns = row8_cols_bytes(w->widest, BATCH_COLUMNS, ROW8_DIGITS_MAX);
    w->columns = aligned_alloc(64, columns);
    w->residues = mem_zalloc((size_t)pool_threads(w->o.pool) * w->widest, sizeof *w->residues);
    w->sums = mem_zalloc(SLICE_SUMS, sizeof *w->sums);
    w->piece = mem_zalloc(PIECE_BYTES_MAX, 1);
    if (!w->columns || !w->residues || !w->sums || !w->piece) return ERR_NOMEM;
    memset(w->columns, 0, columns);
    return 0;
}

int blind_worker_new(struct blind_worker **out, const struct blind_worker_opts *o) {
    *out = NULL;
    if (o->stack_count == 0 || o->stack_count > BLIND_STACKS_MAX) return ERR_RANGE;
    struct blind_worker *w = mem_zalloc(1, sizeof *w);
    if (!w) return ERR_NOMEM;
    w->o = *o;
    if (w->o.clients_max == 0) w->o.clients_max = CLIENTS_DEFAULT;
    if (w->o.columns_quota == 0) w->o.columns_quota = UINT64_MAX;
    int r = look_over(w);
    if (r == 0) r = take_memory(w);
    if (r == 0)
        *out = w;
    else
        blind_worker_free(w);
    return r;
}

void blind_worker_free(struct blind_worker *w) {
    if (!w) return;
    free(w->columns); /* all four are wiped after each batch */
    free(w->residues);
    free(w->sums);
    free(w->piece);
    free(w);
}

void blind_worker_count(const struct blind_worker *w, struct blind_worker_counts *out) { *out = w->counts; }

uint32_t blind_worker_clients_max(const struct blind_worker *w) { return w->o.clients_max; }

/* ---- its clients ---- */

int blind_client_open(struct blind_client **out, struct blind_worker *w, const struct blind_sink *sink,
                      struct blind_account *account) {
    *out = NULL;
    if (w->client_count == w->o.clients_max) return ERR_BUSY;
    struct blind_client *c = mem_zalloc(1, sizeof *c);
    if (!c) return ERR_NOMEM;
    *c = (struct blind_client){.worker = w, .sink = *sink, .quota = w->o.columns_quota, .account = account};
    if (!w->turn) {
        w->turn = c->prev = c->next = c;
    } else { /* the last of the ring */
        c->next = w->turn;
        c->prev = w->turn->prev;
        c->prev->next = c->next->prev = c;
    }
    w->client_count++;
    *out = c;
    return 0;
}

void blind_client_close(struct blind_client *c) {
    if (!c) return;
    struct blind_worker *w = c->worker;
    client_forget(c);
    c->prev->next = c->next;
    c->next->prev = c->prev;
    if (w->turn == c) w->turn = c->next == c ? NULL : c->next;
    w->client_count--;
    mem_wipe(c, sizeof *c);
    free(c);
}

uint32_t blind_client_waiting(const struct blind_client *c) { return c->products + c->ranges; }
