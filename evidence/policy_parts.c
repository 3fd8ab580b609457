/* evidence/policy_parts.c - see policy_parts.h. */
#include "evidence/policy_parts.h"

#include <string.h>

#include "base/hash.h"

static int lower_hex(const char *s, size_t n) { return strspn(s, "0123456789abcdef") == n; }

static int one_digest(struct ev_digests *out, const json_t *v, const char *key, size_t size, struct why *why) {
    const char *text = json_string_value(v);
    size_t n = text ? json_string_length(v) : 0;
    if (n == 0 || n % 2 || n / 2 > EV_DIGEST_MAX || (size && n / 2 != size) || !lower_hex(text, n))
        return why_set(why, ERR_FORMAT, "policy: \"%s\" takes lower-case hex of %zu bytes", key,
                       size ? size : (size_t)EV_DIGEST_MAX);
    out->size[out->count] = (uint8_t)(n / 2);
    return hex_decode(out->bytes[out->count++], n / 2, text, n);
}

int ev_digests_read(struct ev_digests *out, const json_t *obj, const char *key, size_t size, struct why *why) {
    const json_t *list = json_object_get(obj, key);
    *out = (struct ev_digests){.given = list != NULL};
    if (!list) return 0;
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0 || n > EV_DIGESTS_MAX)
        return why_set(why, ERR_FORMAT, "policy: \"%s\" takes a list of 1 to %d values", key, EV_DIGESTS_MAX);
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) r = one_digest(out, json_array_get(list, i), key, size, why);
    return r;
}

int ev_digests_have(const struct ev_digests *list, const void *p, size_t n) {
    for (unsigned i = 0; i < list->count; i++)
        if (list->size[i] == n && memcmp(list->bytes[i], p, n) == 0) return 1;
    return 0;
}

int ev_policy_int(const json_t *obj, const char *key, int64_t lo, int64_t hi, int64_t *out, struct why *why) {
    const json_t *v = json_object_get(obj, key);
    if (!v) return 0;
    int64_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < lo || n > hi)
        return why_set(why, ERR_FORMAT, "policy: \"%s\" takes an integer from %lld to %lld", key, (long long)lo, (long long)hi);
    *out = n;
    return 0;
}

int ev_policy_known(const json_t *obj, const char *const *names, const char *where, struct why *why) {
    const char *key;
    json_t *value;
    if (!json_is_object(obj)) return why_set(why, ERR_FORMAT, "policy: \"%s\" takes an object", where);
    json_object_foreach((json_t *)(uintptr_t)obj, key, value) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], key) != 0) i++;
        if (!names[i])
            return why_set(why, ERR_FORMAT, "policy: \"%s\" has a member \"%.40s\" that this version does not know", where, key);
    }
    return 0;
}
