/* model/profile.h - ids of the arithmetic: "C1-f16" or "C1-q8", by the format of the KV cache, "C1-row8-f16" and "C1-row8-q8" when the
 * linear layers are computed in integers, "C1-row8-fold-f16" and "C1-row8-fold-q8" when these are folded, and with "-c131072", the context, behind it for models whose RoPE depends on that (longrope).
 * They stand in manifests, receipts and records; the same model file, id and tokens give the same logits everywhere. */
#ifndef MODEL_PROFILE_H
#define MODEL_PROFILE_H

#include "base/err.h"
#include "math/kv_page.h"

struct model;

/* How the linear layers are computed. A model is opened for one of them. */
enum model_arith {
    ARITH_C1,        /* block by block, as the file's types have them */
    ARITH_ROW8,      /* integers with one scale per row of weights and one per token (math/row8.h) */
    ARITH_ROW8_FOLD, /* likewise, with products of neighbouring matrices beside them: half as many rounds (model/row8_fold.h) */
    ARITHS
};
/* 1: the linear layers are stacks of integers (model/linear.h). */
static inline int arith_in_stacks(enum model_arith a) { return a != ARITH_C1; }
/* "c1", "row8" or "row8-fold", as options name it; ERR_USAGE for another. */
int model_arith_of(enum model_arith *out, const char *name, struct why *why);
/* The one that an id asks for: what to open its model with. Looks at no more of the id than that. */
enum model_arith profile_arith(const char *id);

/* "f16" or "q8", as options name it; ERR_USAGE for another. */
int kv_format_of(enum kv_format *out, const char *name, struct why *why);
/* 0, or ERR_UNSUPPORTED: heads of this model do not fit the format. */
int model_kv_check(const struct model *m, enum kv_format kv, struct why *why);
/* The id of m computed with this KV format. */
const char *model_profile(const struct model *m, enum kv_format kv);
/* The way back: which format an id asks for. ERR_UNSUPPORTED: an id that is not known, that m cannot have, or that asks for another
 * arithmetic than m was opened with. */
int model_profile_kv(enum kv_format *out, const struct model *m, const char *id, struct why *why);

#endif
