/* evidence/policy.c - see policy.h. Each section is read by its kind's own file; this one joins them. */
#include "evidence/policy.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evidence/canonical_json.h"

static const unsigned attested = 1u << EV_T1 | 1u << EV_T2 | 1u << EV_T3 | 1u << EV_A2;

static const char *const members[] = {"version", "max_age", "classes", "operators", "log", "ima", "apple",
                                      "nitro",   "nvidia",  "sev_snp", "tdx",       "tpm", NULL};

static void be_strict(struct ev_policy *p) {
    *p = (struct ev_policy){.max_age_s = EV_AGE_S_MAX, .classes = attested};
    log_policy_strict(&p->log);
    ima_policy_strict(&p->ima);
    apple_policy_strict(&p->apple);
    nitro_policy_strict(&p->nitro);
    nvidia_policy_strict(&p->nvidia);
    snp_policy_strict(&p->snp);
    tpm_policy_strict(&p->tpm);
    tdx_policy_strict(&p->tdx);
}

/* ---- single members ---- */

static int read_version(const json_t *all, struct why *why) {
    const json_t *v = json_object_get(all, "version");
    if (json_is_integer(v) && json_integer_value(v) == EV_POLICY_VERSION) return 0;
    return why_set(why, v ? ERR_VERSION : ERR_FORMAT,
                   v ? "policy: \"version\" is not %d, which is the one that is read here"
                     : "policy: \"version\" is missing; it must be %d",
                   EV_POLICY_VERSION);
}

static enum ev_class class_of(const json_t *v) {
    const char *name = json_string_value(v);
    for (int c = EV_T0; name && c <= EV_A2; c++)
        if (json_string_length(v) == 2 && strcmp(ev_class_name((enum ev_class)c), name) == 0) return (enum ev_class)c;
    return EV_CLASS_NONE;
}

static int read_classes(const json_t *all, struct ev_policy *p, struct why *why) {
    const json_t *list = json_object_get(all, "classes");
    if (!list) return 0;
    p->classes_given = 1;
    p->classes = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        enum ev_class c = class_of(json_array_get(list, i));
        if (c == EV_CLASS_NONE) return why_set(why, ERR_FORMAT, "policy: \"classes\" takes T0, T1, T2, T3, A1 and A2");
        p->classes |= 1u << c;
    }
    return p->classes ? 0 : why_set(why, ERR_FORMAT, "policy: \"classes\" takes a list of at least one class");
}

static int read_section(const json_t *all, const char *name, struct ev_policy *p, struct why *why) {
    const json_t *section = json_object_get(all, name);
    if (!section) return 0;
    if (strcmp(name, "log") == 0) return log_policy_read(section, &p->log, why);
    if (strcmp(name, "ima") == 0) return ima_policy_read(section, &p->ima, why);
    if (strcmp(name, "apple") == 0) return apple_policy_read(section, &p->apple, why);
    if (strcmp(name, "nitro") == 0) return nitro_policy_read(section, &p->nitro, why);
    if (strcmp(name, "nvidia") == 0) return nvidia_policy_read(section, &p->nvidia, why);
    if (strcmp(name, "sev_snp") == 0) return snp_policy_read(section, &p->snp, why);
    if (strcmp(name, "tdx") == 0) return tdx_policy_read(section, &p->tdx, why);
    if (strcmp(name, "tpm") == 0) return tpm_policy_read(section, &p->tpm, why);
    return 0;
}

static int read_members(const json_t *all, struct ev_policy *p, struct why *why) {
    be_strict(p);
    int r = ev_policy_known(all, members, "policy", why);
    if (r == 0) r = read_version(all, why);
    if (r == 0) r = ev_policy_int(all, "max_age", 1, EV_AGE_S_MAX, &p->max_age_s, why);
    if (r == 0) r = read_classes(all, p, why);
    if (r == 0) r = ev_digests_read(&p->operators, all, "operators", 16, why);
    for (size_t i = 0; members[i] && r == 0; i++) r = read_section(all, members[i], p, why);
    return r;
}

/* ---- the whole ---- */

static int read_text(struct ev_policy *p, const void *text, size_t n, struct why *why) {
    json_t *all = NULL;
    uint8_t digest[32];
    if (n > EV_POLICY_BYTES_MAX) return why_set(why, ERR_LIMIT, "policy: over %d bytes", EV_POLICY_BYTES_MAX);
    int r = canonical_json_digest(digest, text, n, why);
    if (r == 0) r = json_parse(&all, text, n, NULL);
    if (r == 0) r = read_members(all, p, why);
    json_decref(all);
    if (r == 0) memcpy(p->digest, digest, 32);
    return r;
}

struct ev_policy *ev_policy_read(const void *text, size_t n, struct why *why) {
    struct ev_policy *p = mem_zalloc(1, sizeof *p);
    if (!p) {
        why_set(why, ERR_NOMEM, "policy: no memory");
        return NULL;
    }
    if (read_text(p, text, n, why) == 0) return p;
    free(p);
    return NULL;
}

void ev_policy_free(struct ev_policy *p) { free(p); }

const char *ev_policy_strict_text(void) { return "{\"version\":1}"; }

static struct ev_policy built_in; /* written once, before anybody has its address */
static void make_built_in(void) {
    be_strict(&built_in);
    (void)canonical_json_digest(built_in.digest, ev_policy_strict_text(), strlen(ev_policy_strict_text()), NULL);
}
const struct ev_policy *ev_policy_strict(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_built_in);
    return &built_in;
}

int ev_policy_accepts(const struct ev_policy *p, enum ev_class c) { return c != EV_CLASS_NONE && (p->classes >> c & 1u) != 0; }

void ev_policy_classes(const struct ev_policy *p, char *out, size_t cap) {
    struct buf text;
    buf_init(&text, cap > 0 ? cap - 1 : 0);
    for (int c = EV_T0; c <= EV_A2; c++)
        if (ev_policy_accepts(p, (enum ev_class)c))
            (void)buf_addf(&text, "%s%s", text.len ? ", " : "", ev_class_name((enum ev_class)c));
    if (cap > 0) {
        if (text.len) memcpy(out, text.data, text.len);
        out[text.len] = 0;
    }
    buf_release(&text);
}
