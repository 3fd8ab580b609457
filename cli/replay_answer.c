/* cli/replay_answer.c - see replay_answer.h. */
#include "cli/replay_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/model_load.h"
#include "model/model.h"
#include "model/profile.h"
#include "model/replay.h"
#include "seal/seal_err.h"

/* The context that the id of a model with longrope factors ends with ("C1-f16-c4096"); 0: none, the model's own. */
static uint32_t context_of(const char *profile) {
    const char *at = strstr(profile, "-c");
    unsigned context = 0;
    return at && sscanf(at, "-c%9u", &context) == 1 ? context : 0;
}

static void show(void *arg, uint64_t done, uint64_t all) { cli_progress_show(arg, done, all); }
static void show_tokens(void *arg, size_t done, size_t all) { cli_progress_show(arg, done, all); }

int replay_open(struct model **out, enum kv_format *kv, const struct replay_how *how, const char *profile, struct why *why) {
    struct cli_progress p;
    struct model_opts o = {.threads = how->threads,
                           .context = context_of(profile),
                           .arith = profile_arith(profile),
                           .kernels = getenv("LULL_KERNELS"),
                           .progress = show,
                           .arg = &p};
    cli_progress_start(&p, "loading the model");
    int r = model_open(out, how->model, &o, why);
    cli_progress_end(&p);
    if (r == 0) r = model_profile_kv(kv, *out, profile, why);
    if (r != 0) {
        model_close(*out);
        *out = NULL;
    }
    return r;
}

int replay_pass(struct verdict *v, struct model *m, const struct replay *in, struct why *why) {
    struct cli_progress p;
    struct replay all = *in;
    struct replay_result out;
    all.progress = show_tokens;
    all.arg = &p;
    cli_progress_start(&p, "replaying");
    uint64_t start = clock_mono_ns();
    int r = replay_run(m, &all, &out, why);
    v->replay_ns = clock_mono_ns() - start;
    cli_progress_end(&p);
    if (r != 0) return r;
    v->prompt_tokens = (uint32_t)in->prompt_count;
    v->mismatch = (uint32_t)out.position;
    if (out.verdict == REPLAY_ID)
        v->err = BAD_IDS_CHAIN;
    else if (out.verdict != REPLAY_EXACT)
        v->err = BAD_DIGEST_CHAIN;
    return 0;
}
