/* model/engine_device.c - a step by the engine's device: what it must be told, and what is left to do with its logits. */
#include "model/engine_parts.h"

/* The page numbers of each part, one after another. */
static uint32_t list_pages(struct engine *e) {
    uint32_t count = 0;
    for (uint32_t r = 0; r < e->rows;) {
        const struct engine_part *p = &e->part[e->row_part[r]];
        uint32_t used = (p->seq->length + p->count - 1) / KV_PAGE + 1;
        for (uint32_t i = 0; i < p->count; i++) e->device_first[r++] = count;
        for (uint32_t i = 0; i < used; i++) e->device_page[count++] = kv_page_number(&e->kv, p->seq->page[i]);
    }
    return count;
}

int device_run(struct engine *e) {
    forward_embed(e);
    struct device_step s = {.rows = e->rows,
                            .logits_rows = e->logits_rows,
                            .x = e->x,
                            .position = e->row_position,
                            .first_page = e->device_first,
                            .page = e->device_page,
                            .page_count = list_pages(e),
                            .logits_row = e->logits_row,
                            .logits = e->logits,
                            .bad = e->bad};
    for (int t = 0; t < ROPE_TABLES; t++) {
        s.rope_cos[t] = e->rope_cos[t];
        s.rope_sin[t] = e->rope_sin[t];
    }
    int r = e->device->step(e->device_state, &s);
    if (r == 0) forward_logits(e);
    return r;
}
