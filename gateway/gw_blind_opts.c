/* gateway/gw_blind_opts.c - see gw_blind_opts.h. */
#include "gateway/gw_blind_opts.h"
#include "base/file.h"
#include "blind/message.h"

#include <string.h>

static const char *const role_option[PAIR_ROLES] = {"--pair-a", "--pair-b"};

static int check_tier(struct gw_blind_opts *o, struct why *why) {
    o->least = API_TIER_SEALED;
    if (o->tier && strcmp(o->tier, "blind") == 0)
        o->least = API_TIER_BLIND;
    else if (o->tier && strcmp(o->tier, "sealed") != 0)
        return why_set(why, ERR_USAGE, "--tier: sealed or blind");
    if (o->dirs.count) return 0;
    if (o->least == API_TIER_BLIND)
        return why_set(why, ERR_USAGE, "--tier blind: give --blind DIR, a folder that `lull blind prepare MODEL --out DIR` made");
    if (o->mode || o->direct || o->operators[PAIR_A].count || o->operators[PAIR_B].count || o->token_file[PAIR_A] ||
        o->token_file[PAIR_B])
        return why_set(why, ERR_USAGE, "--mode and --pair-...: only with --blind DIR");
    return 0;
}

/* Who may see what is the user's word alone: no list, no tier. */
static int check_operators(struct gw_blind_opts *o, struct why *why) {
    for (int role = 0; role < PAIR_ROLES; role++)
        for (size_t i = 0; i < o->operators[role].count; i++) {
            struct why what = {{0}};
            int r = operators_list(&o->policy, (enum pair_role)role, o->operators[role].item[i], &what);
            if (r != 0) return why_set(why, ERR_USAGE, "%s: %s", role_option[role], why_text(&what, r));
        }
    if (operators_ready(&o->policy)) return 0;
    return why_set(why, ERR_USAGE,
                   "mode pair needs two parties that never pool what they see: name the operators that you take for them, "
                   "--pair-a OPERATOR and --pair-b OPERATOR (32 hexadecimal digits; a node logs its own when it registers)");
}

static int read_token(struct buf *token, const char *path, struct why *why) {
    buf_init(token, 0);
    if (!path) return 0;
    int r = file_read(token, path, 1024, why);
    if (r != 0) return r;
    while (token->len && (token->data[token->len - 1] == '\n' || token->data[token->len - 1] == '\r')) token->len--;
    if (token->len && token->len <= BLIND_TOKEN_MAX) return 0;
    return why_set(why, ERR_USAGE, "%s: a token has 1 to %d characters", path, BLIND_TOKEN_MAX);
}

int gw_blind_opts_check(struct gw_blind_opts *o, struct why *why) {
    int r = check_tier(o, why);
    if (r != 0 || !o->dirs.count) return r;
    if (o->mode && strcmp(o->mode, "pair") != 0) return why_set(why, ERR_USAGE, "--mode: pair");
    r = check_operators(o, why);
    for (int role = 0; role < PAIR_ROLES && r == 0; role++) r = read_token(&o->token[role], o->token_file[role], why);
    return r;
}

void gw_blind_opts_release(struct gw_blind_opts *o) {
    for (int role = 0; role < PAIR_ROLES; role++) buf_release(&o->token[role]);
}
