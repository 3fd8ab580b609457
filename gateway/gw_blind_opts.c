/* gateway/gw_blind_opts.c - see gw_blind_opts.h. */
#include "gateway/gw_blind_opts.h"
#include "base/file.h"
#include "blind/message.h"

#include <string.h>

static const char *const role_option[PAIR_ROLES] = {"--pair-a", "--pair-b"};

/* ---- modes ---- */

static const char *const mode_names[GW_BLIND_MODES] = {[GW_BLIND_PAIR] = "pair", [GW_BLIND_LATTICE] = "lattice"};

const char *gw_blind_mode_name(enum gw_blind_mode m) { return mode_names[m]; }

int gw_blind_mode_named(enum gw_blind_mode *out, const char *name) {
    for (int m = 0; m < GW_BLIND_MODES; m++)
        if (strcmp(mode_names[m], name) == 0) {
            *out = (enum gw_blind_mode)m;
            return 0;
        }
    return ERR_NOTFOUND;
}

static int has_pair_options(const struct gw_blind_opts *o) {
    return o->pair_direct || o->operators[PAIR_A].count || o->operators[PAIR_B].count || o->token_file[PAIR_A] ||
           o->token_file[PAIR_B];
}
static int has_lattice_options(const struct gw_blind_opts *o) {
    return o->lattice_direct || o->lattice_operators.count || o->lattice_token_file || o->masks_mb;
}

/* An option of the other mode would be a promise that nobody keeps. */
static int check_mode(struct gw_blind_opts *o, struct why *why) {
    o->mode = GW_BLIND_PAIR;
    if (o->mode_name && gw_blind_mode_named(&o->mode, o->mode_name) != 0)
        return why_set(why, ERR_USAGE, "--mode: pair or lattice");
    if (o->mode != GW_BLIND_PAIR && has_pair_options(o)) return why_set(why, ERR_USAGE, "--pair-...: only with --mode pair");
    if (o->mode != GW_BLIND_LATTICE && has_lattice_options(o))
        return why_set(why, ERR_USAGE, "--lattice-...: only with --mode lattice");
    o->direct = o->mode == GW_BLIND_LATTICE ? o->lattice_direct : o->pair_direct;
    return 0;
}

static int check_tier(struct gw_blind_opts *o, struct why *why) {
    o->least = API_TIER_SEALED;
    if (o->tier && strcmp(o->tier, "blind") == 0)
        o->least = API_TIER_BLIND;
    else if (o->tier && strcmp(o->tier, "attested") == 0)
        o->least = API_TIER_ATTESTED;
    else if (o->tier && strcmp(o->tier, "sealed") != 0)
        return why_set(why, ERR_USAGE, "--tier: sealed, attested or blind");
    if (o->dirs.count) return 0;
    if (o->least == API_TIER_BLIND)
        return why_set(why, ERR_USAGE, "--tier blind: give --blind DIR, a folder that `lull blind prepare MODEL --out DIR` made");
    if (o->mode_name || o->guess || has_pair_options(o) || has_lattice_options(o))
        return why_set(why, ERR_USAGE, "--mode, --blind-guess, --pair-... and --lattice-...: only with --blind DIR");
    return 0;
}

/* ---- who may serve ---- */

static int list_all(struct operators *policy, enum pair_role role, const struct opt_list *list, const char *option,
                    struct why *why) {
    for (size_t i = 0; i < list->count; i++) {
        struct why what = {{0}};
        int r = operators_list(policy, role, list->item[i], &what);
        if (r != 0) return why_set(why, ERR_USAGE, "%s: %s", option, why_text(&what, r));
    }
    return 0;
}

/* Who may see what is the user's word alone: no list, no tier. */
static int check_pair(struct gw_blind_opts *o, struct why *why) {
    for (int role = 0; role < PAIR_ROLES; role++) {
        int r = list_all(&o->policy, (enum pair_role)role, &o->operators[role], role_option[role], why);
        if (r != 0) return r;
    }
    if (operators_ready(&o->policy)) return 0;
    return why_set(why, ERR_USAGE,
                   "mode pair needs two parties that never pool what they see: name the operators that you take for them, "
                   "--pair-a OPERATOR and --pair-b OPERATOR (32 hexadecimal digits; a node logs its own when it registers)");
}

/* A worker of mode lattice need not be trusted with anything; but each one sees sizes and times, and whom that may be is the user's word
 * as well. */
static int check_lattice(struct gw_blind_opts *o, struct why *why) {
    int r = list_all(&o->policy, PAIR_A, &o->lattice_operators, "--lattice-operator", why);
    if (r != 0 || o->policy.role[PAIR_A].allowed_count) return r;
    return why_set(why, ERR_USAGE,
                   "mode lattice needs an operator whose workers may serve: name one or more, --lattice-operator OPERATOR "
                   "(32 hexadecimal digits; a node logs its own when it registers)");
}

/* ---- tokens ---- */

static int read_token(struct buf *token, const char *path, struct why *why) {
    buf_init(token, 0);
    if (!path) return 0;
    int r = file_read_private(token, path, 1024, why); /* whoever reads it can spend what was paid for */
    if (r != 0) return r;
    while (token->len && (token->data[token->len - 1] == '\n' || token->data[token->len - 1] == '\r')) token->len--;
    if (token->len && token->len <= BLIND_TOKEN_MAX) return 0;
    return why_set(why, ERR_USAGE, "%s: a token has 1 to %d characters", path, BLIND_TOKEN_MAX);
}

int gw_blind_opts_check(struct gw_blind_opts *o, struct why *why) {
    int r = check_tier(o, why);
    if (r != 0 || !o->dirs.count) return r;
    r = check_mode(o, why);
    if (r == 0) r = o->mode == GW_BLIND_LATTICE ? check_lattice(o, why) : check_pair(o, why);
    if (r == 0) r = read_token(&o->token[PAIR_A], o->lattice_token_file ? o->lattice_token_file : o->token_file[PAIR_A], why);
    if (r == 0) r = read_token(&o->token[PAIR_B], o->token_file[PAIR_B], why);
    return r;
}

void gw_blind_opts_release(struct gw_blind_opts *o) {
    for (int role = 0; role < PAIR_ROLES; role++) buf_release(&o->token[role]);
}
