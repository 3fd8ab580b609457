/* gateway/gw_blind_judge.c - see gw_blind_judge.h. Members are a closed set: a receipt with others was made by somebody else. */
#include "gateway/gw_blind_judge.h"
#include "base/hash.h"
#include "base/json.h"
#include "blind/fault.h"
#include "blind/pass.h"
#include "gateway/gw_blind_receipt.h"

#include <stdio.h>
#include <string.h>

#define COUNT_MAX ((int64_t)1 << 53) /* what every reader of JSON can hold */

/* What a receipt says, as far as one part of it is held against another. */
struct said {
    struct gw_blind_judged *out;
    const json_t *j;
    const char *start, *end, *notice, *stop, *replay;
    int64_t version, prompt_tokens, kept_tokens, tokens, products, verified, up, down, sessions, worker_count, incident_count;
    int64_t prompt_columns, passes, pass_columns;
    const json_t *workers, *incidents, *visible;
};

static int is_bad(struct said *s, const char *member, const char *what) {
    if (s->out->bad) return -1; /* the first one counts */
    s->out->bad = what;
    snprintf(s->out->member, sizeof s->out->member, "%s", member);
    return -1;
}

/* ---- form ---- */

static int get_text(struct said *s, const json_t *o, const char *name, const char **out) {
    size_t n;
    if (json_get_str(o, name, out, &n) != JSON_OK || n == 0 || n > 160 || strlen(*out) != n)
        return is_bad(s, name, "is missing or no text");
    return 0;
}
static int get_count(struct said *s, const json_t *o, const char *name, int64_t max, int64_t *out) {
    return json_get_int(o, name, 0, max, out) == JSON_OK ? 0 : is_bad(s, name, "is missing or no count");
}
static int get_hex(struct said *s, const json_t *o, const char *name, size_t bytes, const char **out) {
    uint8_t raw[32];
    if (get_text(s, o, name, out) != 0) return -1;
    return strlen(*out) == 2 * bytes && hex_decode(raw, bytes, *out, 2 * bytes) == 0
               ? 0
               : is_bad(s, name, "is not hexadecimal of its length");
}
static int get_list(struct said *s, const char *name, size_t max, const json_t **out) {
    *out = json_object_get(s->j, name);
    return json_is_array(*out) && json_array_size(*out) <= max ? 0 : is_bad(s, name, "is missing, no list or too long");
}

static int is_one_of(const char *key, const char *const *names) {
    while (*names && strcmp(*names, key) != 0) names++;
    return *names != NULL;
}

/* Every member is one of these. */
static int only(struct said *s, const json_t *o, const char *const *names, const char *where) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)o, key, value) { /* the iteration changes nothing */
        if (!is_one_of(key, names)) return is_bad(s, where, "has a member that no such receipt has");
    }
    return 0;
}

static int read_mode(struct said *s) {
    static const char *const names[] = {"lull_receipt",
                                        "version",
                                        "notice",
                                        "id",
                                        "start",
                                        "end",
                                        "model",
                                        "profile",
                                        "manifest",
                                        "mode",
                                        "replay",
                                        "prompt_tokens",
                                        "output_tokens",
                                        "stop_reason",
                                        "products",
                                        "verified",
                                        "bytes_up",
                                        "bytes_down",
                                        "sessions",
                                        "workers",
                                        "worker_count",
                                        "incidents",
                                        "incident_count",
                                        "visible_to_workers",
                                        "params",
                                        "kept_tokens",
                                        NULL};
    const char *mode, *params;
    if (get_text(s, s->j, "mode", &mode) != 0) return -1;
    if (gw_blind_mode_named(&s->out->mode, mode) != 0) return is_bad(s, "mode", "is no mode");
    int has = json_object_get(s->j, "params") != NULL;
    if (has != (s->out->mode == GW_BLIND_LATTICE)) return is_bad(s, "params", "belongs to mode lattice and to no other");
    if (has && get_text(s, s->j, "params", &params) != 0) return -1;
    if (s->version == 1 && json_object_get(s->j, "kept_tokens")) return is_bad(s, "kept_tokens", "is not of version 1");
    return only(s, s->j, names, "the receipt");
}

static int read_names(struct said *s) {
    const char *id, *model, *profile, *manifest;
    if (get_hex(s, s->j, "id", 16, &id) != 0 || get_text(s, s->j, "model", &model) != 0 ||
        get_text(s, s->j, "profile", &profile) != 0 || get_hex(s, s->j, "manifest", 32, &manifest) != 0)
        return -1;
    if (!model_name_is_full(model)) return is_bad(s, "model", "is no full name of a model");
    if (!wire_id_ok(profile, PROFILE_BYTES)) return is_bad(s, "profile", "is no name of a profile");
    snprintf(s->out->model, sizeof s->out->model, "%s", model);
    snprintf(s->out->profile, sizeof s->out->profile, "%s", profile);
    snprintf(s->out->manifest, sizeof s->out->manifest, "%s", manifest);
    if (get_text(s, s->j, "start", &s->start) != 0 || get_text(s, s->j, "end", &s->end) != 0) return -1;
    return get_text(s, s->j, "notice", &s->notice) != 0 || get_text(s, s->j, "stop_reason", &s->stop) != 0 ||
                   get_text(s, s->j, "replay", &s->replay) != 0
               ? -1
               : 0;
}

static int read_counts(struct said *s) {
    const struct {
        const char *name;
        int64_t max, *out;
    } counts[] = {{"prompt_tokens", UINT32_MAX, &s->prompt_tokens},
                  {"output_tokens", UINT32_MAX, &s->tokens},
                  {"products", COUNT_MAX, &s->products},
                  {"verified", COUNT_MAX, &s->verified},
                  {"bytes_up", COUNT_MAX, &s->up},
                  {"bytes_down", COUNT_MAX, &s->down},
                  {"sessions", COUNT_MAX, &s->sessions},
                  {"worker_count", UINT32_MAX, &s->worker_count},
                  {"incident_count", UINT32_MAX, &s->incident_count}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (get_count(s, s->j, counts[i].name, counts[i].max, counts[i].out) != 0) return -1;
    s->kept_tokens = 0; /* nothing was, at the time of version 1 */
    if (s->version > 1 && get_count(s, s->j, "kept_tokens", UINT32_MAX, &s->kept_tokens) != 0) return -1;
    s->out->tokens = (uint32_t)s->tokens;
    s->out->products = (uint64_t)s->products;
    s->out->verified = (uint64_t)s->verified;
    return 0;
}

static int read_visible(struct said *s) {
    static const char *const names_1[] = {"model", "prompt_columns", "passes_of_one_column", "also", NULL};
    static const char *const names_2[] = {"model", "prompt_columns", "passes", "columns_per_pass", "also", NULL};
    const char *model, *also, *const *names = s->version == 1 ? names_1 : names_2;
    s->visible = json_object_get(s->j, "visible_to_workers");
    if (!json_is_object(s->visible) || only(s, s->visible, names, "visible_to_workers") != 0)
        return is_bad(s, "visible_to_workers", "is missing or no object");
    if (get_text(s, s->visible, "model", &model) != 0 || get_text(s, s->visible, "also", &also) != 0 ||
        get_count(s, s->visible, "prompt_columns", COUNT_MAX, &s->prompt_columns) != 0 ||
        get_count(s, s->visible, names[2], COUNT_MAX, &s->passes) != 0)
        return -1;
    s->pass_columns = 1;
    if (s->version > 1 && get_count(s, s->visible, "columns_per_pass", PASS_CHUNK, &s->pass_columns) != 0) return -1;
    if (s->pass_columns == 0) return is_bad(s, "columns_per_pass", "is none");
    return strcmp(model, s->out->model) == 0 ? 0 : is_bad(s, "visible_to_workers", "names another model");
}

/* ---- parties ---- */

static int is_role(const struct said *s, const char *role) {
    if (s->out->mode == GW_BLIND_LATTICE) return strcmp(role, "worker") == 0;
    return strcmp(role, "A") == 0 || strcmp(role, "B") == 0;
}

static int read_party(struct said *s, const json_t *x, const char *list, const char *const *names) {
    const char *role, *identity, *operator_id;
    if (!json_is_object(x) || only(s, x, names, list) != 0) return is_bad(s, list, "holds something else");
    if (get_text(s, x, "role", &role) != 0 || get_hex(s, x, "identity", 32, &identity) != 0 ||
        get_hex(s, x, "operator", OPERATOR_PREFIX_BYTES, &operator_id) != 0)
        return -1;
    return is_role(s, role) ? 0 : is_bad(s, list, "has a role that the mode does not have");
}

static int read_incident(struct said *s, const json_t *x) {
    static const char *const names[] = {"role", "identity", "operator", "what", "times", "banned", NULL};
    const char *what;
    int64_t times;
    int banned;
    if (read_party(s, x, "incidents", names) != 0 || get_text(s, x, "what", &what) != 0 ||
        get_count(s, x, "times", UINT32_MAX, &times) != 0 || json_get_bool(x, "banned", &banned) != JSON_OK)
        return is_bad(s, "incidents", "holds something else");
    int f = FAULT_LINK;
    while (f < FAULT_END && strcmp(fault_text((enum blind_fault)f), what) != 0) f++;
    if (f == FAULT_END || times == 0) return is_bad(s, "incidents", "has something that cannot go wrong");
    return banned == fault_accuses((enum blind_fault)f) ? 0 : is_bad(s, "incidents", "bans who is not accused, or the reverse");
}

static int read_parties(struct said *s) {
    static const char *const names[] = {"role", "identity", "operator", NULL};
    const json_t *x;
    size_t i;
    if (get_list(s, "workers", ACCOUNT_WORKERS_MAX, &s->workers) != 0 ||
        get_list(s, "incidents", ACCOUNT_INCIDENTS_MAX, &s->incidents) != 0)
        return -1;
    json_array_foreach(s->workers, i, x) if (read_party(s, x, "workers", names) != 0) return -1;
    json_array_foreach(s->incidents, i, x) if (read_incident(s, x) != 0) return -1;
    s->out->workers = (uint32_t)json_array_size(s->workers);
    return 0;
}

static int read_all(struct said *s) {
    const char *kind;
    if (!json_is_object(s->j) || get_text(s, s->j, "lull_receipt", &kind) != 0 || strcmp(kind, "blind") != 0)
        return is_bad(s, "lull_receipt", "is not that of tier blind");
    if (get_count(s, s->j, "version", 2, &s->version) != 0 || s->version == 0) return is_bad(s, "version", "is neither 1 nor 2");
    if (read_mode(s) != 0 || read_names(s) != 0 || read_counts(s) != 0) return -1;
    return read_visible(s) != 0 || read_parties(s) != 0 ? -1 : 0;
}

/* ---- can all of it be true? ---- */

static int64_t shown_of(int64_t count, int64_t max) { return count < max ? count : max; }

/* In mode pair nobody, and no operator, is of both roles. */
static int roles_are_apart(const struct said *s) {
    const json_t *a, *b;
    size_t i, k;
    json_array_foreach(s->workers, i, a) json_array_foreach(s->workers, k, b) {
        int other = strcmp(json_string_value(json_object_get(a, "role")), json_string_value(json_object_get(b, "role"))) != 0;
        static const char *const of[] = {"identity", "operator"};
        for (int n = 0; other && n < 2; n++)
            if (strcmp(json_string_value(json_object_get(a, of[n])), json_string_value(json_object_get(b, of[n]))) == 0) return 0;
    }
    return 1;
}

static int has_role(const struct said *s, const char *role) {
    const json_t *x;
    size_t i;
    json_array_foreach(s->workers, i, x) if (strcmp(json_string_value(json_object_get(x, "role")), role) == 0) return 1;
    return 0;
}

static int check_counts(struct said *s) {
    if (s->kept_tokens && s->kept_tokens >= s->prompt_tokens) return is_bad(s, "kept_tokens", "are the whole prompt");
    if (s->prompt_columns != (s->prompt_tokens - s->kept_tokens + PASS_CHUNK - 1) / PASS_CHUNK * PASS_CHUNK)
        return is_bad(s, "prompt_columns", "is not the new part of the prompt, filled up to whole chunks");
    if (s->passes > s->tokens) return is_bad(s, "passes", "are more than there are tokens");
    if (s->version > 1 && s->tokens > (s->passes + 1) * s->pass_columns)
        return is_bad(s, "output_tokens", "are more than the passes can have given");
    if (s->products < s->prompt_columns + s->passes * s->pass_columns)
        return is_bad(s, "products", "are too few for the columns");
    if (s->verified == 0) return is_bad(s, "verified", "is none, and nothing else is used");
    if (s->out->mode != GW_BLIND_LATTICE) return 0; /* in mode pair B works ahead, across the ends of answers */
    if (s->verified > s->products) return is_bad(s, "verified", "are more than were asked for");
    if (s->verified < s->products && s->incident_count == 0)
        return is_bad(s, "verified", "are less than were asked for, and nothing went wrong");
    return 0;
}

static int check_parties(struct said *s) {
    if ((int64_t)json_array_size(s->workers) != shown_of(s->worker_count, ACCOUNT_WORKERS_MAX) ||
        (int64_t)json_array_size(s->incidents) != shown_of(s->incident_count, ACCOUNT_INCIDENTS_MAX))
        return is_bad(s, "workers", "or incidents are not as many as are counted");
    if (s->worker_count == 0) return is_bad(s, "workers", "are none, and yet there is an answer");
    if (s->out->mode == GW_BLIND_LATTICE) return 0;
    if (!roles_are_apart(s)) return is_bad(s, "workers", "of A and B are of one operator, or one worker is both");
    return has_role(s, "A") ? 0 : is_bad(s, "workers", "have no A");
}

static int check_all(struct said *s) {
    int exact = strncmp(s->replay, "exact", 5) == 0, stop = strcmp(s->stop, "stop") == 0 || strcmp(s->stop, "length") == 0;
    if (strcmp(s->notice, BLIND_NOTICE) != 0) return is_bad(s, "notice", "is not the one that belongs there");
    if (!stop) return is_bad(s, "stop_reason", "is neither stop nor length");
    if (exact != (s->out->mode == GW_BLIND_PAIR)) return is_bad(s, "replay", "says what the mode does not do");
    if (strcmp(s->start, s->end) > 0) return is_bad(s, "end", "is before the start"); /* one form, UTC: it sorts by time */
    if (check_counts(s) != 0) return -1;
    return check_parties(s);
}

void gw_blind_judge(struct gw_blind_judged *out, const void *file, size_t n) {
    struct said s = {.out = out};
    json_t *j = NULL;
    *out = (struct gw_blind_judged){.readable = 0};
    if (n > BLIND_RECEIPT_BYTES_MAX || json_parse(&j, file, n, NULL) != 0) {
        (void)is_bad(&s, "", n > BLIND_RECEIPT_BYTES_MAX ? "too long for a receipt of tier blind" : "not JSON");
        return;
    }
    s.j = j;
    out->readable = read_all(&s) == 0;
    if (out->readable) (void)check_all(&s);
    json_decref(j);
}
