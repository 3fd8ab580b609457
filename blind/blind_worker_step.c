/* blind/blind_worker_step.c - one batch: the columns of every client that waits for the same stack, multiplied by it once, slice of rows by
 * slice, each slice sent off before the next is computed. What a batch left in the buffers is wiped before the step returns. */
#include "base/mem.h"
#include "blind/blind_worker_parts.h"

#include <string.h>

struct batch {
    struct blind_worker *w;
    const struct row8 *m;
    const struct field *f;
    struct blind_unit unit[BATCH_COLUMNS];
    uint32_t units, columns;
    struct {
        uint16_t unit, column; /* of that unit */
    } origin[BATCH_COLUMNS];
    struct row8_cols cols;
    uint32_t slice_first, slice_rows;
    struct row8 slice; /* the rows of it, as a stack of their own: whole groups of m */
};

/* ---- who is in it ---- */

static uint32_t slice_rows(uint32_t columns) { return (SLICE_SUMS / columns) & ~(uint32_t)(ROW8_GROUP - 1); }

size_t unit_packed_bytes(const struct blind_worker *w, const struct blind_unit *u) {
    const struct row8 *m = &w->o.stacks[u->stack];
    return residues_bytes(field_of(m->cols), m->rows) * u->count;
}

/* Its own columns may share a batch with any number of others, so the slices may be as short as a full batch's. */
size_t unit_room(const struct blind_worker *w, const struct blind_unit *u) {
    size_t pieces = w->o.stacks[u->stack].rows / slice_rows(BATCH_COLUMNS) + 1;
    return unit_packed_bytes(w, u) + pieces * BLIND_SINK_MESSAGE(BLIND_ANSWER_HEAD);
}

static int may_be_served(struct blind_client *c, const struct blind_unit *u) {
    if (c->role == BLIND_ROLE_B && unit_packed_bytes(c->worker, u) > c->credit) return 0;
    return unit_room(c->worker, u) <= c->sink.room(c->sink.arg);
}

static void batch_add(struct batch *b, const struct blind_unit *u) {
    for (uint16_t i = 0; i < u->count; i++) {
        b->origin[b->columns].unit = (uint16_t)b->units;
        b->origin[b->columns++].column = i;
    }
    b->unit[b->units++] = *u;
}

/* The first client in turn that can be served says which stack; the others join if they wait for it too. 0: nobody can. */
static int gather(struct batch *b) {
    struct blind_worker *w = b->w;
    struct blind_client *c = w->turn, *first = NULL;
    struct blind_unit u;
    if (!c) return 0;
    do {
        if (client_unit(c, &u) && (!first || u.stack == b->unit[0].stack) && u.count <= BATCH_COLUMNS - b->columns &&
            may_be_served(c, &u)) {
            batch_add(b, &u);
            if (!first) first = c;
        }
        c = c->next;
    } while (c != w->turn && b->columns < BATCH_COLUMNS);
    if (!first) return 0;
    w->turn = first->next;
    b->m = &w->o.stacks[b->unit[0].stack];
    b->f = field_of(b->m->cols);
    return 1;
}

/* ---- columns ---- */

/* A's columns are what came; B's are the masks themselves. Both were checked when they came. */
static void column_residues(const struct batch *b, uint32_t i, uint32_t *r) {
    const struct blind_unit *u = &b->unit[b->origin[i].unit];
    const struct blind_job *j = u->client->head;
    uint16_t column = b->origin[i].column;
    if (j->is_order) {
        pair_mask(b->f, blind_order_key(&j->order, u->n + column), u->stack, u->n + column, r, b->m->cols);
        return;
    }
    size_t each = residues_bytes(b->f, b->m->cols);
    (void)residues_unpack(b->f, r, b->m->cols, j->product.packed + column * each, each);
}

static void fill_some(void *arg, unsigned thread, unsigned threads) {
    struct batch *b = arg;
    uint32_t *r = b->w->residues + (size_t)thread * b->w->widest;
    for (uint32_t i = thread; i < b->columns; i += threads) {
        column_residues(b, i, r);
        row8_cols_fill_residues(&b->cols, i, b->f, r);
    }
    if (thread < b->columns) mem_wipe(r, b->m->cols * sizeof *r);
}

static void fill_columns(struct batch *b) {
    row8_cols_init(&b->cols, b->m->cols, b->columns, b->f->digits, b->w->columns);
    if (b->columns == 1)
        fill_some(b, 0, 1); /* not worth waking the others */
    else
        pool_each(b->w->o.pool, fill_some, b);
}

/* ---- products ---- */

static void multiply(void *arg, uint32_t begin, uint32_t end) {
    const struct batch *b = arg;
    row8_mul_residues(b->w->o.kern, &b->slice, begin, end, &b->cols, b->f, b->w->sums, b->slice_rows);
}

static void slice_compute(struct batch *b, uint32_t first) {
    uint32_t rows = slice_rows(b->columns), left = b->m->rows - first, g0 = first / ROW8_GROUP;
    b->slice_first = first;
    b->slice_rows = rows < left ? rows : left;
    b->slice = *b->m;
    b->slice.rows = b->slice_rows;
    b->slice.groups = (b->slice_rows + ROW8_GROUP - 1) / ROW8_GROUP;
    b->slice.data = b->m->data + g0 * b->m->group_bytes;
    pool_range(b->w->o.pool, b->slice.groups, 0, multiply, b);
}

/* This slice of u's rows as one message. sums: of u's first column. */
static void piece_put(const struct batch *b, const struct blind_unit *u, const uint32_t *sums) {
    size_t each = residues_bytes(b->f, b->slice_rows), n = each * u->count;
    struct writer w = writer_over(b->w->piece, PIECE_BYTES_MAX);
    blind_message_write(&w, &(struct blind_message){.type = BLIND_ANSWER,
                                                    .answer = {.seq = u->seq,
                                                               .item = u->item,
                                                               .count = u->count,
                                                               .first = b->slice_first,
                                                               .rows = b->slice_rows,
                                                               .packed_n = n}});
    for (uint16_t i = 0; i < u->count; i++)
        (void)residues_pack(b->f, b->w->piece + w.len + i * each, sums + (size_t)i * b->slice_rows, b->slice_rows);
    u->client->sink.put(u->client->sink.arg, b->w->piece, w.len + n, 0);
}

static void slice_send(const struct batch *b) {
    const uint32_t *sums = b->w->sums;
    for (uint32_t i = 0; i < b->units; i++) {
        piece_put(b, &b->unit[i], sums);
        sums += (size_t)b->unit[i].count * b->slice_rows;
    }
}

/* ---- the step ---- */

static void settle(struct batch *b) {
    struct blind_worker *w = b->w;
    for (uint32_t i = 0; i < b->units; i++) {
        struct blind_client *c = b->unit[i].client;
        if (c->role == BLIND_ROLE_B) c->credit -= unit_packed_bytes(w, &b->unit[i]);
        client_unit_done(c);
    }
    w->counts.products += b->units;
    w->counts.columns += b->columns;
    w->counts.batches++;
    w->counts.shared += b->units > 1;
}

static void wipe(struct batch *b) {
    struct blind_worker *w = b->w;
    uint32_t rows = slice_rows(b->columns) < b->m->rows ? slice_rows(b->columns) : b->m->rows;
    mem_wipe(w->columns, row8_cols_bytes(b->m->cols, b->columns, b->f->digits));
    mem_wipe(w->sums, (size_t)rows * b->columns * sizeof *w->sums);
    mem_wipe(w->piece, residues_bytes(b->f, rows) * b->columns + BLIND_ANSWER_HEAD); /* the longest that a unit of it can be */
    mem_wipe(b->unit, sizeof b->unit);
}

int blind_worker_step(struct blind_worker *w) {
    struct batch b = {.w = w};
    if (!gather(&b)) return 0;
    fill_columns(&b);
    for (uint32_t first = 0; first < b.m->rows; first += b.slice_rows) {
        slice_compute(&b, first);
        slice_send(&b);
    }
    settle(&b);
    wipe(&b);
    return 1;
}
