/* model/profile.h - ids of the arithmetic: "C1-f16" or "C1-q8", by the format of the KV cache, and
 * with "-c131072", the context, behind it for models whose RoPE depends on that (longrope). They stand in manifests, receipts and
 * records; the same model file, id and tokens give the same logits everywhere. */
#ifndef MODEL_PROFILE_H
#define MODEL_PROFILE_H

#include "base/err.h"
#include "math/kv_page.h"

struct model;

/* "f16" or "q8", as options name it; ERR_USAGE for another. */
int kv_format_of(enum kv_format *out, const char *name, struct why *why);
/* 0, or ERR_UNSUPPORTED: heads of this model do not fit the format. */
int model_kv_check(const struct model *m, enum kv_format kv, struct why *why);
/* The id of m computed with this KV format. */
const char *model_profile(const struct model *m, enum kv_format kv);
/* The way back: which format an id asks for. ERR_UNSUPPORTED: an id that is not known, or that m cannot have. */
int model_profile_kv(enum kv_format *out, const struct model *m, const char *id, struct why *why);

#endif
