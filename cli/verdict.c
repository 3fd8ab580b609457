/* cli/verdict.c - what a verdict says to people and to programs, and as an exit status. */
#include <stdio.h>

#include "base/hash.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/verify.h"
#include "seal/seal_err.h"

static int differs(const struct verdict *v) { return v->replayed && v->mismatch < v->tokens; }

/* "replayed 200 tokens after 16 of prompt in 0.71 s, 3.9 times as fast as they were generated" */
static void print_time(const struct verdict *v) {
    if (v->replay_ns == 0) return;
    printf("replayed %u tokens after %u of prompt in %.2f s", v->mismatch, v->prompt_tokens, (double)v->replay_ns * 1e-9);
    if (v->generated_ns && !differs(v))
        printf(", %.1f times as fast as they were generated", (double)v->generated_ns / (double)v->replay_ns);
    printf("\n");
}

static const char *check_text(const struct verdict *v) {
    if (!v->is_record) return seal_err_text(v->err);
    switch (v->err) { /* a record has no receipt to compare with */
    case BAD_IDS_CHAIN: return "the model gives other tokens";
    case BAD_DIGEST_CHAIN: return "the model gives these tokens, and other logits";
    case BAD_TEXT: return "the text is not what the tokens say";
    case BAD_STOP: return "the answer does not end where and why the record says";
    default: return seal_err_text(v->err);
    }
}

static void print_text(const struct verdict *v) {
    char hex[65];
    if (v->err != 0) {
        printf("wrong: %s\n", check_text(v));
        if (differs(v)) printf("first difference at output position %u of %u\n", v->mismatch, v->tokens);
        return;
    }
    if (v->is_record) {
        printf("exact: every one of %u tokens, the digests of their logits, the text and why it ends there\n", v->tokens);
        return;
    }
    printf("valid: %u tokens of %s by node %.16s\n", v->tokens, v->model, v->node);
    if (v->from)
        printf("tokens before position %u came from nodes that were lost; this receipt does not vouch for them\n", v->from);
    hex_encode(hex, v->coordinator, 32);
    if (v->has_countersign) printf("countersigned by coordinator %.16s\n", hex);
    if (v->shown != EV_CLASS_NONE) {
        hex_encode(hex, v->shown_policy, 32);
        printf("the gateway notes that the node had shown class %s under policy %.16s; who could still read: %s\n",
               ev_class_name(v->shown), hex, ev_class_reach(v->shown));
    }
    if (v->replayed)
        printf("replay exact: positions %u to %u, every id, every logits digest, the text and why it ends there\n", v->from,
               v->tokens ? v->tokens - 1 : 0);
}

/* The gateway's own note: nobody has signed it. */
static json_t *shown_json(const struct verdict *v) {
    char policy[65], envelope[65];
    hex_encode(policy, v->shown_policy, 32);
    hex_encode(envelope, v->shown_envelope, 32);
    return json_pack("{s:s, s:s, s:s, s:s, s:I}", "class", ev_class_name(v->shown), "who_could_read", ev_class_reach(v->shown),
                     "policy", policy, "evidence_sha256", envelope, "judged", (json_int_t)v->shown_s);
}

static void print_json(const struct verdict *v) {
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:b}", "verdict",
                          v->err == 0   ? "valid"
                          : v->readable ? "wrong"
                                        : "not judged",
                          "check", v->err == 0 ? "all" : check_text(v), "model", v->model, "node", v->node, "profile", v->profile,
                          "tokens", (int)v->tokens, "from", (int)v->from, "replayed", v->replayed, "countersigned",
                          v->has_countersign);
    if (j && differs(v)) json_object_set_new(j, "first_difference", json_integer(v->mismatch));
    if (j && v->shown != EV_CLASS_NONE) json_object_set_new(j, "shown", shown_json(v));
    if (j && v->replay_ns) json_object_set_new(j, "replay_s", json_real((double)v->replay_ns * 1e-9));
    if (j && v->generated_ns) json_object_set_new(j, "generated_s", json_real((double)v->generated_ns * 1e-9));
    struct buf b;
    if (j && json_print(&b, j, 1 << 16) == 0) {
        printf("%.*s\n", (int)b.len, (char *)b.data);
        buf_release(&b);
    }
    json_decref(j);
}

void verdict_print(const struct verdict *v, int json) {
    if (json)
        print_json(v);
    else if (v->readable)
        print_text(v);
    if (!json && v->readable) print_time(v);
}

int verdict_status(const struct verdict *v) { return v->err == 0 ? EXIT_OK : v->readable ? EXIT_INVALID : EXIT_MALFORMED; }
