/* evidence/nvidia_policy.c - the section "nvidia" of a policy. See nvidia_gpu.h. */
#include "evidence/nvidia_gpu.h"

#include <string.h>
#include <strings.h>

void nvidia_policy_strict(struct nvidia_policy *p) { memset(p, 0, sizeof *p); }

static int version_of(char out[NVIDIA_VERSION_MAX], const json_t *v, const char *key, struct why *why) {
    const char *text = json_string_value(v);
    size_t n = text ? json_string_length(v) : 0;
    if (n == 0 || n >= NVIDIA_VERSION_MAX || strspn(text, "0123456789abcdefABCDEF.") != n)
        return why_set(why, ERR_FORMAT, "policy: \"%s\" takes versions as 550.90.07 or 96.00.9F.00.01", key);
    memcpy(out, text, n + 1);
    return 0;
}

static int read_versions(struct nvidia_versions *out, const json_t *section, const char *key, struct why *why) {
    const json_t *list = json_object_get(section, key);
    size_t n = json_array_size(list);
    if (!list) return 0;
    if (n == 0 || n > NVIDIA_VERSIONS_MAX)
        return why_set(why, ERR_FORMAT, "policy: \"%s\" takes a list of 1 to %d versions", key, NVIDIA_VERSIONS_MAX);
    out->given = 1;
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) r = version_of(out->text[out->count++], json_array_get(list, i), key, why);
    return r;
}

/* "1" to "254", in one spelling. 0: not. */
static uint8_t index_of(const char *key) {
    size_t n = strlen(key);
    unsigned i = 0;
    if (n == 0 || n > 3 || key[0] == '0' || strspn(key, "0123456789") != n) return 0;
    for (size_t k = 0; k < n; k++) i = 10 * i + (unsigned)(key[k] - '0');
    return i <= 254 ? (uint8_t)i : 0;
}

static int read_index(struct nvidia_policy *p, const json_t *digests, const char *key, struct why *why) {
    struct ev_digests list;
    uint8_t index = index_of(key);
    if (index == 0) return why_set(why, ERR_FORMAT, "policy: \"digests\" takes indexes from \"1\" to \"254\"");
    int r = ev_digests_read(&list, digests, key, NVIDIA_DIGEST_BYTES, why);
    if (r != 0) return r;
    if (list.count > NVIDIA_GOLDEN_MAX - p->count)
        return why_set(why, ERR_LIMIT, "policy: \"golden\" holds over %d digests", NVIDIA_GOLDEN_MAX);
    for (unsigned i = 0; i < list.count; i++) {
        struct nvidia_golden *g = &p->golden[p->count++];
        *g = (struct nvidia_golden){.set = (uint8_t)p->sets, .index = index};
        memcpy(g->digest, list.bytes[i], NVIDIA_DIGEST_BYTES);
    }
    return 0;
}

/* The same versions twice would be two sets of which both must be met, which nobody means. */
static int same_as_before(const struct nvidia_policy *p, const struct nvidia_set *s) {
    for (unsigned i = 0; i < p->sets; i++)
        if (strcasecmp(p->set[i].driver, s->driver) == 0 && strcasecmp(p->set[i].vbios, s->vbios) == 0) return 1;
    return 0;
}

static int read_set_versions(struct nvidia_set *s, const json_t *one, struct why *why) {
    const json_t *driver = json_object_get(one, "driver"), *vbios = json_object_get(one, "vbios");
    int r = driver ? version_of(s->driver, driver, "driver", why) : 0;
    if (r == 0 && vbios) r = version_of(s->vbios, vbios, "vbios", why);
    if (r == 0 && !driver && !vbios) r = why_set(why, ERR_FORMAT, "policy: each of \"golden\" takes \"driver\" or \"vbios\"");
    return r;
}

static int read_set(struct nvidia_policy *p, const json_t *one, struct why *why) {
    static const char *const names[] = {"driver", "vbios", "digests", NULL};
    struct nvidia_set s = {"", ""};
    json_t *digests = json_object_get(one, "digests"), *value;
    const char *key;
    int r = ev_policy_known(one, names, "golden", why);
    if (r == 0) r = read_set_versions(&s, one, why);
    if (r != 0) return r;
    if (!json_is_object(digests) || json_object_size(digests) == 0)
        return why_set(why, ERR_FORMAT, "policy: each of \"golden\" takes \"digests\" of at least one index");
    if (same_as_before(p, &s)) return why_set(why, ERR_FORMAT, "policy: \"golden\" has one driver and VBIOS twice");
    json_object_foreach(digests, key, value) {
        r = read_index(p, digests, key, why);
        if (r != 0) return r;
    }
    p->set[p->sets++] = s;
    return 0;
}

static int read_golden(struct nvidia_policy *p, const json_t *section, struct why *why) {
    const json_t *list = json_object_get(section, "golden");
    size_t n = json_array_size(list);
    if (!list) return 0;
    if (n == 0 || n > NVIDIA_SETS_MAX)
        return why_set(why, ERR_FORMAT, "policy: \"golden\" takes a list of 1 to %d", NVIDIA_SETS_MAX);
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) r = read_set(p, json_array_get(list, i), why);
    return r;
}

int nvidia_policy_read(const json_t *section, struct nvidia_policy *p, struct why *why) {
    static const char *const names[] = {"drivers", "vbioses", "golden", "index_9_exempt", NULL};
    nvidia_policy_strict(p);
    int r = ev_policy_known(section, names, "nvidia", why);
    if (r == 0) r = read_versions(&p->drivers, section, "drivers", why);
    if (r == 0) r = read_versions(&p->vbioses, section, "vbioses", why);
    if (r == 0) r = read_golden(p, section, why);
    const json_t *exempt = json_object_get(section, "index_9_exempt");
    if (r == 0 && exempt && !json_is_boolean(exempt))
        r = why_set(why, ERR_FORMAT, "policy: \"index_9_exempt\" takes true or false");
    if (r == 0) p->index_9_exempt = json_is_true(exempt);
    return r;
}
