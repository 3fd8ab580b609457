/* evidence/nitro_policy.c - the section "nitro" of a policy. See nitro.h. */
#include "evidence/nitro.h"

#include <string.h>

void nitro_policy_strict(struct nitro_policy *p) { *p = (struct nitro_policy){.binding = NITRO_NONCE_ELSE_USER_DATA}; }

/* "0" to "31", in one spelling. -1: not. */
static int index_of(const char *key) {
    size_t n = strlen(key);
    if (n == 0 || n > 2 || strspn(key, "0123456789") != n || (n == 2 && key[0] == '0')) return -1;
    int i = key[0] - '0';
    if (n == 2) i = 10 * i + (key[1] - '0');
    return i < NITRO_PCRS ? i : -1;
}

static int read_pcr(const json_t *pcrs, const char *key, struct nitro_policy *p, struct why *why) {
    struct ev_digests list;
    int index = index_of(key);
    if (index < 0) return why_set(why, ERR_FORMAT, "policy: \"pcrs\" takes \"0\" to \"%d\"", NITRO_PCRS - 1);
    int r = ev_digests_read(&list, pcrs, key, NITRO_PCR_BYTES, why);
    if (r != 0) return r;
    if (list.count > NITRO_VALUES_MAX - p->count)
        return why_set(why, ERR_LIMIT, "policy: \"pcrs\" holds over %d values", NITRO_VALUES_MAX);
    p->named |= (uint32_t)1 << index;
    for (unsigned i = 0; i < list.count; i++) {
        struct nitro_value *v = &p->value[p->count++];
        v->index = (uint8_t)index;
        memcpy(v->value, list.bytes[i], NITRO_PCR_BYTES);
    }
    return 0;
}

static int read_pcrs(const json_t *section, struct nitro_policy *p, struct why *why) {
    json_t *pcrs = json_object_get(section, "pcrs"), *value;
    const char *key;
    if (!pcrs) return 0;
    if (!json_is_object(pcrs) || json_object_size(pcrs) == 0)
        return why_set(why, ERR_FORMAT, "policy: \"pcrs\" takes an object of at least one PCR");
    int r = 0;
    json_object_foreach(pcrs, key, value) {
        r = read_pcr(pcrs, key, p, why);
        if (r != 0) break;
    }
    return r;
}

static int read_binding(const json_t *section, struct nitro_policy *p, struct why *why) {
    const json_t *v = json_object_get(section, "binding");
    const char *text = json_string_value(v);
    if (!v) return 0;
    if (text && strcmp(text, "nonce") == 0)
        p->binding = NITRO_NONCE;
    else if (text && strcmp(text, "user_data") == 0)
        p->binding = NITRO_USER_DATA;
    else
        return why_set(why, ERR_FORMAT, "policy: \"binding\" takes \"nonce\" or \"user_data\"");
    return 0;
}

int nitro_policy_read(const json_t *section, struct nitro_policy *p, struct why *why) {
    static const char *const names[] = {"pcrs", "binding", "max_age", NULL};
    nitro_policy_strict(p);
    int r = ev_policy_known(section, names, "nitro", why);
    if (r == 0) r = read_pcrs(section, p, why);
    if (r == 0) r = read_binding(section, p, why);
    if (r == 0) r = ev_policy_int(section, "max_age", 1, 24 * 3600, &p->max_age_s, why);
    return r;
}
