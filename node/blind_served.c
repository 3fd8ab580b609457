/* node/blind_served.c - see blind_served.h. */
#include "node/blind_served.h"
#include "base/mem.h"
#include "blind/prepare_model.h"
#include "model/linear.h"
#include "model/model.h"
#include "node/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which stacks "FIRST-LAST" means; all of them without it. */
static int stack_range(const char *layers, uint32_t count, uint32_t *first, uint32_t *end, struct why *why) {
    unsigned a, b;
    char rest;
    uint32_t layer_count = count / LINEAR_KINDS;
    *first = 0;
    *end = count;
    if (!layers) return 0;
    if (sscanf(layers, "%6u-%6u%c", &a, &b, &rest) != 2 || a > b)
        return why_set(why, ERR_USAGE, "--blind-layers: \"%.40s\" is no FIRST-LAST", layers);
    if (b >= layer_count) return why_set(why, ERR_USAGE, "--blind-layers: the model has layers 0-%u", layer_count - 1);
    *first = a * LINEAR_KINDS;
    if (b + 1 < layer_count) *end = (b + 1) * LINEAR_KINDS;
    return 0;
}

static int pack_one(struct blind_served *s, const struct model *m, uint32_t i, float **scales, struct why *why) {
    struct linear l = model_linear(m, i);
    struct row8 *to = &s->stacks[i];
    int r = row8_shape(to, l.rows, l.cols);
    if (r == 0 && !(to->data = aligned_alloc(64, row8_bytes(to)))) r = ERR_NOMEM;
    if (r == 0 && !(*scales = mem_zalloc(l.rows, sizeof **scales))) r = ERR_NOMEM;
    if (r == 0) r = model_linear_pack(m, i, s->pool, to, *scales, NULL, why);
    model_linear_drop(m, i);
    return r;
}

/* Stacks that are not held keep their shapes, so that who asks for one hears that it is not here. scales: of those that are, by stack. */
static int pack_stacks(struct blind_served *s, const struct model *m, const struct blind_served_opts *o, float ***scales,
                       struct why *why) {
    uint32_t first, end;
    s->stack_count = model_linear_count(m);
    int r = stack_range(o->layers, s->stack_count, &first, &end, why);
    if (r == 0 && !(s->stacks = mem_zalloc(s->stack_count, sizeof *s->stacks))) r = ERR_NOMEM;
    if (r == 0 && !(*scales = mem_zalloc(s->stack_count, sizeof **scales))) r = ERR_NOMEM;
    for (uint32_t i = 0; r == 0 && i < s->stack_count; i++) {
        struct linear l = model_linear(m, i);
        r = i >= first && i < end ? pack_one(s, m, i, *scales + i, why) : row8_shape(&s->stacks[i], l.rows, l.cols);
    }
    return r;
}

static int name_it(struct blind_served *s, const struct model *m, const char *name, const char *path, struct why *why) {
    int r = name ? model_name_full(s->entry.name, name) : served_name(s->entry.name, model_name(m), model_type(m));
    return r == 0 ? 0 : why_set(why, ERR_USAGE, "--blind: %s needs a name: FILE=NAME, name[:tag] of a-z 0-9 . _ -", path);
}

static int digest_of(struct blind_served *s, const struct model *m, const struct data_dir *dir, float *const *scales,
                     struct why *why) {
    struct prepare_model_opts po = {
        .name = s->entry.name, .kv = KV_F16, .pool = s->pool, .held = s->stacks, .held_scales = scales};
    struct blind_manifest manifest = {.stacks = NULL};
    int r = prepare_model_manifest(&manifest, m, &po, dir->path, why);
    if (r == 0) r = blind_manifest_digest(&manifest, s->entry.manifest_hash);
    blind_manifest_release(&manifest);
    return r;
}

static int start_thread(struct blind_served *s, const struct blind_served_opts *o, struct why *why) {
    struct blind_worker_opts wo = {.stacks = s->stacks,
                                   .stack_count = s->stack_count,
                                   .pool = s->pool,
                                   .columns_quota = o->columns_quota,
                                   .clients_max = o->sessions};
    memcpy(wo.manifest_hash, s->entry.manifest_hash, 32);
    int r = kern_select(&wo.kern, o->kernels, why);
    return r == 0 ? blind_thread_new(&s->thread, &wo, 0) : r;
}

int blind_served_open(struct blind_served *s, const char *spec, const struct blind_served_opts *o, const struct data_dir *dir,
                      struct why *why) {
    char path[512];
    const char *name;
    struct model *m = NULL;
    float **scales = NULL; /* needed for the manifest alone: who asks for products has them of his own */
    struct model_opts mo = {.threads = o->threads,
                            .kernels = o->kernels,
                            .arith = o->folded ? ARITH_ROW8_FOLD : ARITH_ROW8,
                            .stacks = STACKS_STREAMED};
    *s = (struct blind_served){.stacks = NULL};
    if (o->at) {
        snprintf(s->entry.at, sizeof s->entry.at, "%s", o->at);
        memcpy(s->entry.at_pin, o->at_pin, sizeof s->entry.at_pin);
    }
    int r = served_spec(spec, path, sizeof path, &name) == 0 ? 0 : why_set(why, ERR_LIMIT, "--blind: path too long");
    if (r == 0) r = model_open(&m, path, &mo, why);
    if (r == 0) r = name_it(s, m, name, path, why);
    if (r == 0) r = pool_new(&s->pool, o->threads, why);
    if (r == 0) r = pack_stacks(s, m, o, &scales, why);
    if (r == 0) r = digest_of(s, m, dir, scales, why);
    for (uint32_t i = 0; scales && i < s->stack_count; i++) free(scales[i]);
    free(scales);
    model_close(m);
    if (r == 0) r = start_thread(s, o, why);
    if (r != 0) blind_served_close(s);
    return r;
}

void blind_served_close(struct blind_served *s) {
    blind_thread_free(s->thread);
    for (uint32_t i = 0; s->stacks && i < s->stack_count; i++) free(s->stacks[i].data);
    free(s->stacks);
    pool_free(s->pool);
    *s = (struct blind_served){.stacks = NULL};
}
