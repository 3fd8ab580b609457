/* coordinator/directory.c - see directory.h. */
#include "coordinator/directory.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int dir_init(struct directory *d, size_t nodes_max, size_t each_operator_max) {
    *d = (struct directory){.max = nodes_max, .each_operator = each_operator_max};
    d->nodes = mem_zalloc(nodes_max, sizeof *d->nodes);
    int r = d->nodes ? 0 : ERR_NOMEM;
    if (r == 0) r = idmap_init(&d->by_identity, nodes_max);
    if (r == 0) r = idmap_init(&d->by_key, nodes_max * DIR_RECORDS_EACH);
    if (r != 0) dir_release(d);
    return r;
}

void dir_release(struct directory *d) {
    idmap_release(&d->by_identity);
    idmap_release(&d->by_key);
    free(d->nodes);
    *d = (struct directory){0};
}

/* ---- listing ---- */
static int may_list(const struct directory *d, const struct dir_node *node) {
    size_t same = 0;
    if (d->count == d->max) return ERR_BUSY;
    for (size_t i = 0; i < d->count; i++) same += memcmp(d->nodes[i]->operator_id, node->operator_id, 32) == 0;
    return same >= d->each_operator ? ERR_LIMIT : 0;
}

static struct dir_record *record_new(struct dir_node *node, const struct record *r, const uint8_t *bytes, size_t n) {
    struct dir_record *x = mem_zalloc(1, sizeof *x + n);
    if (!x) return NULL;
    keystmt_id(x->key_id, &r->keys);
    memcpy(x->receipt_key, r->keys.receipt_key, 32);
    x->not_before = r->keys.not_before;
    x->not_after = r->keys.not_after;
    x->node = node;
    x->model_count = r->model_count;
    for (size_t i = 0; i < r->model_count; i++) {
        memcpy(x->models[i].name, r->models[i].name, MODEL_NAME_BYTES);
        manifest_hash(x->models[i].manifest_hash, &r->models[i]);
    }
    x->n = n;
    memcpy(x->bytes, bytes, n);
    return x;
}

static void record_drop(struct directory *d, struct dir_node *node, size_t i) {
    if (!node->record[i]) return;
    idmap_remove(&d->by_key, node->record[i]->key_id);
    free(node->record[i]);
    node->record[i] = NULL;
}

/* Where a record goes: over the one with the same key, else an empty place, else over the one that ends first. */
static size_t place_for(const struct dir_node *node, const struct dir_record *x) {
    size_t at = 0;
    for (size_t i = 0; i < DIR_RECORDS_EACH; i++)
        if (node->record[i] && memcmp(node->record[i]->key_id, x->key_id, 32) == 0) return i;
    for (size_t i = 0; i < DIR_RECORDS_EACH; i++) {
        if (!node->record[i]) return i;
        if (node->record[i]->not_after < node->record[at]->not_after) at = i;
    }
    return at;
}

int dir_put(struct directory *d, struct dir_node *node, const struct record *record, const uint8_t *bytes, size_t n) {
    int r = node->listed ? 0 : may_list(d, node);
    if (r != 0) return r;
    struct dir_record *x = record_new(node, record, bytes, n);
    if (!x) return ERR_NOMEM;
    const struct dir_record *same = idmap_get(&d->by_key, x->key_id);
    if ((same && same->node != node) || (!node->listed && idmap_get(&d->by_identity, node->identity))) {
        free(x);
        return ERR_EXISTS;
    }
    size_t at = place_for(node, x);
    record_drop(d, node, at);
    node->record[at] = x;
    r = idmap_put(&d->by_key, x->key_id, x); /* both maps hold all that `max` nodes can have: these cannot fail */
    if (r == 0 && !node->listed) r = idmap_put(&d->by_identity, node->identity, node);
    if (r != 0) {
        record_drop(d, node, at);
        return r;
    }
    if (!node->listed) {
        node->index = d->count;
        d->nodes[d->count++] = node;
        node->listed = 1;
    }
    return 0;
}

void dir_remove(struct directory *d, struct dir_node *node) {
    if (!node->listed) return;
    for (size_t i = 0; i < DIR_RECORDS_EACH; i++) record_drop(d, node, i);
    idmap_remove(&d->by_identity, node->identity);
    d->nodes[node->index] = d->nodes[--d->count];
    d->nodes[node->index]->index = node->index;
    node->listed = 0;
}

struct dir_node *dir_by_identity(const struct directory *d, const uint8_t identity[32]) {
    return idmap_get(&d->by_identity, identity);
}

const struct dir_record *dir_by_key(const struct directory *d, const uint8_t key_id[32]) { return idmap_get(&d->by_key, key_id); }

/* ---- load ---- */
/* What is taken on the node beyond our own jobs is its own business (its owner, another coordinator): those slots are not
 * ours to fill until it says otherwise. A job that ends while a heartbeat travels is wrongly counted for one interval. */
void dir_heard(struct dir_node *node, uint16_t slots, uint16_t slots_free, uint16_t load_permille, uint8_t reason,
               uint64_t now_ms) {
    uint32_t taken = slots_free < slots ? (uint32_t)slots - slots_free : 0;
    node->slots = slots;
    node->withheld = (uint16_t)(taken > node->running ? taken - node->running : 0);
    node->load_permille = load_permille;
    node->reason = reason;
    node->heard_ms = now_ms;
}

uint32_t dir_free(const struct dir_node *node) {
    uint32_t used = node->running + node->withheld;
    if (node->draining || node->reason == REASON_DRAINING) return 0;
    return node->slots > used ? node->slots - used : 0;
}

const struct dir_model *dir_model(const struct dir_record *r, const char *name, const uint8_t *hash) {
    for (size_t i = 0; i < r->model_count; i++)
        if (strcmp(r->models[i].name, name) == 0 && (!hash || memcmp(r->models[i].manifest_hash, hash, 32) == 0))
            return &r->models[i];
    return NULL;
}

/* ---- choice ---- */
/* Negative: a is less loaded. The share of taken slots counts first, compared crosswise; then what the machine itself says. */
static int compare_load(const struct dir_node *a, const struct dir_node *b) {
    uint64_t x = (uint64_t)(a->running + a->withheld) * b->slots, y = (uint64_t)(b->running + b->withheld) * a->slots;
    if (x != y) return x < y ? -1 : 1;
    return (a->load_permille > b->load_permille) - (a->load_permille < b->load_permille);
}

static int model_served(const struct directory *d, const struct reqhead *head, uint64_t now_s) {
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < DIR_RECORDS_EACH; k++) {
            const struct dir_record *r = d->nodes[i]->record[k];
            if (r && now_s < r->not_after && dir_model(r, head->model, head->manifest_hash)) return 1;
        }
    return 0;
}

enum code dir_choose(const struct directory *d, const struct reqhead *head, uint64_t now_s, uint64_t draw,
                     struct dir_choice *out) {
    struct dir_choice tie[CANDIDATES_MAX];
    size_t ties = 0, busy = 0, draining = 0;
    for (uint8_t i = 0; i < head->count; i++) {
        const struct dir_record *r = dir_by_key(d, head->key_id[i]);
        if (!r || now_s >= r->not_after || !dir_model(r, head->model, head->manifest_hash)) continue;
        struct dir_node *node = r->node;
        if (node->draining || node->reason == REASON_DRAINING)
            draining++;
        else if (dir_free(node) == 0)
            busy++;
        else {
            int c = ties ? compare_load(node, tie[0].node) : -1;
            if (c < 0) ties = 0;
            if (c <= 0) tie[ties++] = (struct dir_choice){node, r, i};
        }
    }
    if (ties) {
        *out = tie[draw % ties]; /* at most 8: the bias of a 64-bit draw is nothing */
        return CODE_NONE;
    }
    if (busy) return CODE_BUSY;
    if (draining) return CODE_DRAINING;
    return model_served(d, head, now_s) ? CODE_REFUSED : CODE_NO_MODEL;
}
