/* model/profile.c - see profile.h. */
#include "model/profile.h"
#include "model/model_parts.h"

#include <stdio.h>
#include <string.h>

static const struct { const char *kv, *id; } profiles[KV_FORMATS] = {[KV_F16] = {"f16", "C1-f16"}, [KV_Q8] = {"q8", "C1-q8"}};

int kv_format_of(enum kv_format *out, const char *name, struct why *why) {
    for (int f = 0; f < KV_FORMATS; f++)
        if (strcmp(name, profiles[f].kv) == 0) {
            *out = (enum kv_format)f;
            return 0;
        }
    return why_set(why, ERR_USAGE, "KV format \"%.16s\": f16 or q8", name);
}

int model_kv_check(const struct model *m, enum kv_format kv, struct why *why) {
    if (kv_format_fits(kv, m->hp.head_dim)) return 0;
    return why_set(why, ERR_UNSUPPORTED, "KV format %s needs heads whose size is a multiple of 32; this model's have %u",
                   profiles[kv].kv, m->hp.head_dim);
}

/* Longrope chooses its factors by the context, which is therefore part of the function. */
void profiles_name(struct model *m) {
    for (int f = 0; f < KV_FORMATS; f++)
        if (m->hp.longrope_orig)
            snprintf(m->profile[f], sizeof m->profile[f], "%s-c%u", profiles[f].id, m->hp.n_context);
        else
            snprintf(m->profile[f], sizeof m->profile[f], "%s", profiles[f].id);
}

const char *model_profile(const struct model *m, enum kv_format kv) { return m->profile[kv]; }

int model_profile_kv(enum kv_format *out, const struct model *m, const char *id, struct why *why) {
    for (int f = 0; f < KV_FORMATS; f++)
        if (strcmp(id, model_profile(m, (enum kv_format)f)) == 0) {
            *out = (enum kv_format)f;
            return model_kv_check(m, *out, why);
        }
    return why_set(why, ERR_UNSUPPORTED, "arithmetic profile \"%.32s\" is not known here", id);
}
