/* cli/replay_answer.h - computing an answer again, for receipts and records alike: the model opened as the answer's profile
 * asks, and one timed pass. */
#ifndef CLI_REPLAY_ANSWER_H
#define CLI_REPLAY_ANSWER_H

#include "cli/verify.h"
#include "math/kv_page.h"

struct model;
struct replay;

/* Opens how->model for this profile, with a line of progress. ERR_UNSUPPORTED: the model cannot have such a one; what model_open
 * returns. */
int replay_open(struct model **out, enum kv_format *kv, const struct replay_how *how, const char *profile, struct why *why);
/* Runs it (progress is filled in here): v->err, mismatch, prompt_tokens and replay_ns. What replay_run returns. */
int replay_pass(struct verdict *v, struct model *m, const struct replay *in, struct why *why);

#endif
