/* model/profile.c - see profile.h. */
#include "model/profile.h"
#include "model/model_parts.h"

#include <stdio.h>
#include <string.h>

static const char *const kv_names[KV_FORMATS] = {[KV_F16] = "f16", [KV_Q8] = "q8"};
static const struct {
    const char *name, *id;
} ariths[ARITHS] = {
    [ARITH_C1] = {"c1", "C1-"}, [ARITH_ROW8] = {"row8", "C1-row8-"}, [ARITH_ROW8_FOLD] = {"row8-fold", "C1-row8-fold-"}};

int kv_format_of(enum kv_format *out, const char *name, struct why *why) {
    for (int f = 0; f < KV_FORMATS; f++)
        if (strcmp(name, kv_names[f]) == 0) {
            *out = (enum kv_format)f;
            return 0;
        }
    return why_set(why, ERR_USAGE, "KV format \"%.16s\": f16 or q8", name);
}

int model_arith_of(enum model_arith *out, const char *name, struct why *why) {
    for (int a = 0; a < ARITHS; a++)
        if (strcmp(name, ariths[a].name) == 0) {
            *out = (enum model_arith)a;
            return 0;
        }
    return why_set(why, ERR_USAGE, "arithmetic \"%.16s\": c1, row8 or row8-fold", name);
}

enum model_arith profile_arith(const char *id) {
    for (int a = ARITHS - 1; a > ARITH_C1; a--) /* the longer ones first: they begin with the shorter ones */
        if (strncmp(id, ariths[a].id, strlen(ariths[a].id)) == 0) return (enum model_arith)a;
    return ARITH_C1;
}

int model_kv_check(const struct model *m, enum kv_format kv, struct why *why) {
    if (kv_format_fits(kv, m->hp.head_dim)) return 0;
    return why_set(why, ERR_UNSUPPORTED, "KV format %s needs heads whose size is a multiple of 32; this model's have %u",
                   kv_names[kv], m->hp.head_dim);
}

/* Longrope chooses its factors by the context, which is therefore part of the function. */
void profiles_name(struct model *m) {
    for (int f = 0; f < KV_FORMATS; f++) {
        int n = snprintf(m->profile[f], sizeof m->profile[f], "%s%s", ariths[m->arith].id, kv_names[f]);
        if (m->hp.longrope_orig) snprintf(m->profile[f] + n, sizeof m->profile[f] - (size_t)n, "-c%u", m->hp.n_context);
    }
}

const char *model_profile(const struct model *m, enum kv_format kv) { return m->profile[kv]; }

int model_profile_kv(enum kv_format *out, const struct model *m, const char *id, struct why *why) {
    for (int f = 0; f < KV_FORMATS; f++)
        if (strcmp(id, model_profile(m, (enum kv_format)f)) == 0) {
            *out = (enum kv_format)f;
            return model_kv_check(m, *out, why);
        }
    if (strncmp(id, "C1-", 3) == 0 && profile_arith(id) != m->arith)
        return why_set(why, ERR_UNSUPPORTED, "arithmetic profile \"%.32s\" needs the model opened with %s, not %s", id,
                       ariths[profile_arith(id)].name, ariths[m->arith].name);
    return why_set(why, ERR_UNSUPPORTED, "arithmetic profile \"%.32s\" is not known here", id);
}
