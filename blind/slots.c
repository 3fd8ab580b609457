/* blind/slots.c - see slots.h. */
#include "blind/slots.h"
#include "base/mem.h"
#include "base/secret.h"
#include "blind/blind_manifest.h"
#include "blind/residues.h"
#include "blind/slots_parts.h"
#include "math/row8.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int blind_session_new(struct blind_session **out, const struct linear *stacks, uint32_t count) {
    *out = NULL;
    uint32_t widest = 0;
    if (count == 0 || count > BLIND_MANIFEST_STACKS_MAX) return ERR_RANGE;
    for (uint32_t i = 0; i < count; i++) {
        if (stacks[i].cols == 0 || stacks[i].cols > ROW8_COLS_MAX) return ERR_RANGE;
        if (stacks[i].cols > widest) widest = stacks[i].cols;
    }
    struct blind_session *s = secret_pages(sizeof *s + ((size_t)count + widest) * sizeof *s->next);
    if (!s) return ERR_NOMEM;
    s->pid = getpid();
    s->stacks = count;
    s->linear = stacks;
    s->scratch = s->next + count;
    random_bytes(s->name, sizeof s->name);
    random_bytes(s->key, sizeof s->key);
    s->of_ours = SESSION_OF_OURS;
    *out = s;
    return 0;
}

int blind_session_alive(const struct blind_session *s) { return s->of_ours == SESSION_OF_OURS && s->pid == getpid(); }
void blind_session_end(struct blind_session *s) { s->of_ours = 0; }
void blind_session_free(struct blind_session *s) { secret_pages_free(s); }

void blind_session_name(const struct blind_session *s, uint8_t name[SLOTS_SESSION_BYTES]) {
    memcpy(name, s->name, SLOTS_SESSION_BYTES);
}

uint32_t blind_session_next(const struct blind_session *s, uint32_t stack) {
    return stack < s->stacks ? s->next[stack] : SLOTS_N_MAX;
}

static struct slots *ticket_new(const struct blind_session *s, uint32_t stack, uint32_t first, uint32_t count) {
    const struct linear *l = &s->linear[stack];
    struct slots *t = mem_zalloc(1, sizeof *t);
    if (!t) return NULL;
    *t = (struct slots){
        .stack = stack, .first = first, .count = count, .linear = l, .column_bytes = residues_bytes(l->field, l->cols)};
    memcpy(t->name, s->name, sizeof t->name);
    t->bytes = mem_zalloc(count, t->column_bytes);
    if (t->bytes) return t;
    free(t);
    return NULL;
}

int slots_spend(struct blind_session *s, uint32_t stack, uint32_t count, struct slots **out) {
    *out = NULL;
    if (!blind_session_alive(s)) return ERR_WRONG_STATE;
    if (stack >= s->stacks || count == 0 || count > SLOTS_COLUMNS_MAX) return ERR_RANGE;
    uint32_t first = s->next[stack];
    if (count > SLOTS_N_MAX - first) return ERR_LIMIT;
    s->next[stack] = first + count; /* before anything that can fail */
    *out = ticket_new(s, stack, first, count);
    return *out ? 0 : ERR_NOMEM;
}

void slots_free(struct slots *t) {
    if (!t) return;
    mem_wipe(t->bytes, t->count * t->column_bytes);
    free(t->bytes);
    free(t);
}

int slots_fill(struct blind_session *s, struct slots *t, const uint32_t *u) {
    if (t->filled >= t->count || !blind_session_alive(s)) return ERR_WRONG_STATE;
    if (memcmp(s->name, t->name, sizeof t->name) != 0) return ERR_WRONG_STATE;
    int r = residues_pack(t->linear->field, t->bytes + t->filled * t->column_bytes, u, t->linear->cols);
    t->filled = r == 0 ? t->filled + 1 : SLOTS_SPOILED;
    return r;
}

int slots_bytes(const struct slots *t, const uint8_t **bytes, size_t *n) {
    *bytes = NULL;
    *n = 0;
    if (t->filled != t->count) return ERR_WRONG_STATE;
    *bytes = t->bytes;
    *n = t->count * t->column_bytes;
    return 0;
}

int slots_column(const struct slots *t, uint32_t i, uint32_t *u) {
    if (t->filled != t->count) return ERR_WRONG_STATE;
    if (i >= t->count) return ERR_RANGE;
    return residues_unpack(t->linear->field, u, t->linear->cols, t->bytes + i * t->column_bytes, t->column_bytes);
}
